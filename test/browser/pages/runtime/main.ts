/**
 * A page that lends its runtime to a test in Node: sessions are opened and run here, arrays come and go as base64. And a
 * training run of the portable loop, whose losses the test compares.
 */

import type { GraphInput } from "../../../../src/graph/graph.ts";
import {
  type BrowserRuntime,
  type BrowserRuntimeOptions,
  browserRuntime,
} from "../../../../src/runtime/browser/session.ts";
import type { CompileOptions, Session } from "../../../../src/runtime/session.ts";
import { decodeArray, type Encoded, encodeArray } from "./arrays.ts";
import { type TrainingAsked, trainingOn } from "./training.ts";

let runtime: BrowserRuntime;
const sessions: Session[] = [];

const lent = {
  async start(options: BrowserRuntimeOptions): Promise<number> {
    runtime = await browserRuntime({ ...options, wasmPaths: new URL("/ort/", location.href).href });
    return runtime.sessionThreads;
  },
  async compile(inputs: readonly GraphInput[], bytes: Encoded, options?: CompileOptions): Promise<number> {
    return sessions.push(await runtime.open(inputs, decodeArray(bytes) as Uint8Array, options)) - 1;
  },
  async run(session: number, feeds: Record<string, Encoded>): Promise<Record<string, Encoded>> {
    const decoded = Object.entries(feeds).map(([name, feed]) => [name, decodeArray(feed)] as const);
    const results = await sessions[session].run(Object.fromEntries(decoded));
    return Object.fromEntries(Object.entries(results).map(([name, array]) => [name, encodeArray(array)]));
  },
  keeps: (session: number) => sessions[session].runKeeping !== undefined,
  release: (session: number) => sessions[session].release(),
  train: (asked: TrainingAsked) => trainingOn(asked, runtime),
};

export type Lent = typeof lent;

Object.assign(globalThis, { lent });
