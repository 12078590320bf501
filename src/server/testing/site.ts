/**
 * For tests of the server: a studio of three files, a folder of runs, and requests that go out as they are written.
 */
import { appendFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { type IncomingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createRun } from "../../train/index.node.ts";

export interface Site {
  folder: string;
  /** The built studio. */
  root: string;
  runs: string;
  /** Writes a file below `folder`, with the folders above it. */
  write(path: string, contents: string | Uint8Array): Promise<void>;
  /** Makes a run, and returns its folder. */
  run(name: string, steps?: number): Promise<string>;
  /** Appends lines of metrics, one for each step. */
  train(name: string, ...steps: number[]): Promise<void>;
  remove(): Promise<void>;
}

export async function openSite(): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), "langevin-server-"));
  const [root, runs] = [join(folder, "studio"), join(folder, "runs")];
  const write = async (path: string, contents: string | Uint8Array) => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), contents);
  };
  await write("studio/index.html", "<!doctype html><title>studio</title>");
  await write("studio/assets/index-D7S2FeKx.js", "export {};");
  await write("studio/assets/shader.wasm", new Uint8Array([0, 0x61, 0x73, 0x6d]));
  await write("secret.txt", "secret");
  await mkdir(runs);
  return {
    folder,
    root,
    runs,
    write,
    async run(name, steps = 10) {
      const path = join(runs, name);
      await createRun(path, {
        langevin: "0.0.0",
        recipe: "tiny",
        seed: 1,
        network: { mlp: { width: 8, blocks: 1 } },
        objective: { path: { name: "straightLine" }, prediction: "flow" },
        data: { name: "moons" },
        training: { steps },
      });
      return path;
    },
    async train(name, ...steps) {
      await appendFile(join(runs, name, "metrics.jsonl"), steps.map(lineOf).join(""));
    },
    remove: () => rm(folder, { recursive: true }),
  };
}

/** A line of metrics, with its line break. */
export function lineOf(step: number): string {
  return `${JSON.stringify({ step, loss: 1 / step, seconds: step / 8 })}\n`;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** The body as JSON. */
  json: unknown;
}

/** Sends a request whose path is not made tidy first, as `fetch` would. */
export function ask(
  url: string,
  path: string,
  options: { method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, agent: false, ...options }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => {
        const body = Buffer.concat(parts);
        const isJson = response.headers["content-type"]?.startsWith("application/json") && body.length > 0;
        const json = isJson ? JSON.parse(body.toString()) : undefined;
        resolve({ status: response.statusCode!, headers: response.headers, body, json });
      });
    });
    sent.on("error", reject);
    sent.end();
  });
}

export interface Event {
  id: string;
  event: string;
  data: unknown;
}

/** A connection to the events of a run. */
export interface Events {
  readonly status: number;
  /** What has come so far. */
  readonly all: Event[];
  /** The steps of all lines that have come so far. */
  readonly steps: number[];
  /** Waits until something holds of what has come. Rejects when the connection ends first. */
  until(holds: (events: Event[]) => boolean): Promise<void>;
  /** Waits for the end of the connection. */
  ended: Promise<void>;
  /** Ends the connection, as a page that is closed. */
  leave(): void;
}

/** Reads server-sent events by the rules of the HTML standard, as far as the server uses them. */
export async function follow(url: string, run: string, lastEventId?: string): Promise<Events> {
  const leaving = new AbortController();
  const response = await fetch(`${url}api/runs/${encodeURIComponent(run)}/events`, {
    headers: lastEventId === undefined ? {} : { "Last-Event-ID": lastEventId },
    signal: leaving.signal,
  });
  const all: Event[] = [];
  let check = () => {};
  const ended = (async () => {
    let text = "";
    const decoder = new TextDecoder();
    try {
      for await (const part of response.body ?? []) {
        text += decoder.decode(part, { stream: true });
        const blocks = text.split("\n\n");
        text = blocks.pop()!;
        all.push(...blocks.flatMap(eventOf));
        check();
      }
    } catch (error) {
      if (!leaving.signal.aborted) throw error;
    }
  })();
  return {
    status: response.status,
    all,
    get steps() {
      const lines = all.filter(({ event }) => event === "metrics").flatMap(({ data }) => data as { step: number }[]);
      return lines.map(({ step }) => step);
    },
    async until(holds) {
      if (holds(all)) return;
      const met = new Promise<void>((resolve) => {
        check = () => holds(all) && resolve();
      });
      const late = ended.then(() => {
        if (!holds(all)) throw new Error(`the connection ended with ${JSON.stringify(all.at(-1))}`);
      });
      await Promise.race([met, late]);
    },
    ended,
    leave: () => leaving.abort(),
  };
}

function eventOf(block: string): Event[] {
  const fields = new Map(block.split("\n").map((line) => line.split(/: (.*)/s, 2) as [string, string]));
  const event = fields.get("event");
  return event ? [{ id: fields.get("id")!, event, data: JSON.parse(fields.get("data")!) }] : [];
}
