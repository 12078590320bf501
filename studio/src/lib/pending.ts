/** What `langevin/browser` is about to export. */
import type { RunStore } from "langevin/browser";
import * as library from "langevin/browser";
import type { RunDescription } from "../../../src/train/runs.ts";

interface Pending {
  opfsRunStore(): RunStore;
  httpRunStore(base: string): RunStore;
  zipRun(store: RunStore, run: string): Promise<Uint8Array<ArrayBuffer>>;
  unzipRun(bytes: Uint8Array): Map<string, Uint8Array<ArrayBuffer>>;
  decodeRun(bytes: Uint8Array, path: string): RunDescription;
}

const all = library as unknown as Pending;
export const opfsRunStore: Pending["opfsRunStore"] = () => (all.opfsRunStore ?? library.memoryRunStore)();
export const httpRunStore: Pending["httpRunStore"] = (base) => all.httpRunStore(base);
export const zipRun: Pending["zipRun"] = (store, run) => all.zipRun(store, run);
export const unzipRun: Pending["unzipRun"] = (bytes) => all.unzipRun(bytes);
export const decodeRun: Pending["decodeRun"] = (bytes, path) =>
  all.decodeRun?.(bytes, path) ?? JSON.parse(new TextDecoder().decode(bytes));
