/**
 * A run as it is written, as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html):
 *
 *   metrics  [line, …]                 lines of metrics.jsonl: first all there are, then new ones, each once and in order
 *   picture  { file, changed }         a picture that is new, or was drawn again
 *   reset    {}                        forget all lines and pictures: the run began anew from an earlier step
 *   fault    { error }                 a line that cannot be read; those after it follow
 *   end      {}                        no process trains the run any more; nothing follows
 *
 * The id of an event says how far the reader is: the bytes of metrics.jsonl before it with a hash of the last of them, and the
 * time and name of the last picture. A connection that was lost goes on from the id that the browser sends (Last-Event-ID), so that
 * nothing is lost or sent twice. A run that was resumed from an older checkpoint has other bytes there, which the hash tells: then
 * the reader is told to forget, and gets everything. A reader that has seen the end of a run gets 204, at which browsers stop asking.
 *
 * Files are looked at a few times a second, which also works where the system cannot report changes (network disks).
 */
import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { METRICS_FILE } from "../train/index.node.ts";
import { isTraining } from "../train/training-mark.node.ts";
import { begin, RequestError } from "./answer.ts";

/** How far a reader is. */
interface Cursor {
  /** Bytes of the metrics that were sent, and the hash of the last of them. */
  offset: number;
  hash: string;
  /** The last picture: when it was written, ns since 1970, and its file. */
  changed: bigint;
  file: string;
  /** Whether the reader has seen the end. */
  ended: boolean;
}

const start: Cursor = { offset: 0, hash: "", changed: 0n, file: "", ended: false };

/** ms between two looks at the files; between two signs of life. */
const LOOK_EVERY = 250;
const SIGN_EVERY = 15_000;
/** Bytes of metrics that are read at a time, about what one event holds. */
const PART = 262_144;
/** Bytes before the offset that are hashed. */
const WINDOW = 1024;

/** Sends the events of a run folder until it ends or the reader leaves. Raises a RequestError (400) for an id that is none. */
export async function sendEvents(request: IncomingMessage, response: ServerResponse, folder: string): Promise<void> {
  const cursor = readId(request.headers["last-event-id"]);
  if (cursor.ended && !(await isTraining(folder))) {
    begin(response, 204, { "Cache-Control": "no-store" });
    response.end();
    return;
  }
  begin(response, 200, { "Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store" });
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  const reader = new EventWriter(response, { ...cursor, ended: false });
  await reader.write("retry: 1000\n\n");
  const [metrics, pictures] = [new MetricsFile(join(folder, METRICS_FILE)), new Pictures(folder)];
  while (!reader.gone) {
    // Asked first: what a run writes before its mark goes is then seen below.
    const training = await isTraining(folder);
    await metrics.send(reader);
    await pictures.send(reader);
    if (!training) {
      await reader.event("end", {}, { ended: true });
      response.end();
      return;
    }
    await reader.pause();
  }
}

function idOf({ offset, hash, changed, file, ended }: Cursor): string {
  return [offset, hash, changed, ended ? "end" : "", encodeURIComponent(file)].join("/");
}

function readId(id: string | string[] | undefined): Cursor {
  if (id === undefined || id === "") return start;
  const parts = /^(\d{1,15})\/([0-9a-f]*)\/(\d{1,20})\/(end|)\/([^/]*)$/.exec(String(id));
  try {
    if (parts) {
      const [, offset, hash, changed, end, file] = parts;
      return { offset: +offset, hash, changed: BigInt(changed), file: decodeURIComponent(file), ended: end !== "" };
    }
  } catch {
    // A file name that is not encoded: as below.
  }
  throw new RequestError(400, `Last-Event-ID ${JSON.stringify(id)} is no id of these events; connect without one`);
}

/** Writes events as fast as the reader takes them, and knows how far the reader is. */
class EventWriter {
  readonly #response: ServerResponse;
  #cursor: Cursor;
  #written = Date.now();
  #wake = () => {};

  constructor(response: ServerResponse, cursor: Cursor) {
    this.#response = response;
    this.#cursor = cursor;
    response.once("close", () => this.#wake());
  }

  get cursor(): Cursor {
    return this.#cursor;
  }

  /** Whether nobody reads any more. */
  get gone(): boolean {
    return this.#response.destroyed || this.#response.closed;
  }

  /** Sends an event, after which the reader is at `next`. `data`: a value, or its JSON. */
  async event(name: string, data: object | string, next: Partial<Cursor>): Promise<void> {
    this.#cursor = { ...this.#cursor, ...next };
    const json = typeof data === "string" ? data : JSON.stringify(data);
    await this.write(`id: ${idOf(this.#cursor)}\nevent: ${name}\ndata: ${json}\n\n`);
  }

  async write(text: string): Promise<void> {
    this.#written = Date.now();
    if (this.gone || this.#response.write(text)) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#response.once("drain", resolve);
    });
  }

  /** Waits for the next look at the files; shorter when the reader leaves. */
  async pause(): Promise<void> {
    if (Date.now() - this.#written > SIGN_EVERY) await this.write(":\n\n");
    if (this.gone) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LOOK_EVERY);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** The lines of metrics.jsonl. */
class MetricsFile {
  readonly #path: string;
  /** The file as it was at the last look. */
  #seen?: BigIntStats;

  constructor(path: string) {
    this.#path = path;
  }

  async send(reader: EventWriter): Promise<void> {
    const file = await open(this.#path, "r").catch(() => undefined);
    if (!file) {
      if (reader.cursor.offset > 0) await reader.event("reset", {}, start); // the file was taken away
      return;
    }
    try {
      const now = await file.stat({ bigint: true });
      const seen = this.#seen;
      if (seen && seen.ino === now.ino && seen.size === now.size && seen.mtimeNs === now.mtimeNs) return;
      this.#seen = now;
      const { offset, hash } = reader.cursor;
      const same = Number(now.size) >= offset && (await hashBefore(file, offset)) === hash;
      if (!same) await reader.event("reset", {}, start);
      await sendLines(file, Number(now.size), reader);
    } finally {
      await file.close();
    }
  }
}

/** The hash of the last bytes before an offset; empty at the beginning. */
async function hashBefore(file: FileHandle, offset: number): Promise<string> {
  if (offset === 0) return "";
  const from = Math.max(0, offset - WINDOW);
  const bytes = await readPart(file, from, offset);
  return createHash("sha256").update(bytes).digest("hex").slice(0, 12);
}

async function readPart(file: FileHandle, from: number, to: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(to - from);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, from + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/** Sends the whole lines between the cursor and `size`; what follows the last line break is still being written. */
async function sendLines(file: FileHandle, size: number, reader: EventWriter): Promise<void> {
  let part = PART;
  while (!reader.gone && reader.cursor.offset < size) {
    const { offset } = reader.cursor;
    const bytes = await readPart(file, offset, Math.min(size, offset + part));
    const end = bytes.lastIndexOf(0x0a) + 1;
    if (end === 0) {
      if (offset + part >= size) return;
      part *= 2; // a line that is longer than what was read
      continue;
    }
    part = PART;
    const next = { offset: offset + end, hash: await hashBefore(file, offset + end) };
    const lines = new TextDecoder().decode(bytes.subarray(0, end)).split("\n").slice(0, -1);
    const good = lines.filter(isObject);
    const bad = lines.find((line) => !isObject(line));
    // Both are one step of the cursor: only the last event moves it.
    if (bad !== undefined) {
      const shown = bad.length > 60 ? `${bad.slice(0, 57)}...` : bad;
      await reader.event("fault", { error: `${METRICS_FILE} holds a line that is no JSON object: ${shown}` }, {});
    }
    await reader.event("metrics", `[${good.join(",")}]`, next);
  }
}

function isObject(line: string): boolean {
  try {
    const value = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** The pictures in a run folder and in its `samples`, in the order of their times. */
class Pictures {
  readonly #folders: string[];
  readonly #seen = new Map<string, bigint>();
  #times = "";

  constructor(folder: string) {
    this.#folders = [folder, join(folder, "samples")];
  }

  async send(reader: EventWriter): Promise<void> {
    // A file that is put into a folder changes the folder's own time.
    const folders = await Promise.all(this.#folders.map((path) => stat(path, { bigint: true }).catch(() => undefined)));
    const times = folders.map((found) => found?.mtimeNs).join();
    const { changed: after, file: last } = reader.cursor;
    const restarted = after === 0n && this.#seen.size > 0;
    if (restarted) this.#seen.clear();
    if (times === this.#times && !restarted) return;
    const first = this.#times === "";
    this.#times = times;
    for (const { file, changed } of await this.#list()) {
      if (reader.gone) return;
      const known = this.#seen.get(file) === changed;
      this.#seen.set(file, changed);
      // What a lost connection had sent is not sent again.
      if (known || (first && (changed < after || (changed === after && file <= last)))) continue;
      const ahead = changed > reader.cursor.changed || (changed === reader.cursor.changed && file > reader.cursor.file);
      await reader.event(
        "picture",
        { file, changed: Number(changed / 1_000_000n) },
        ahead ? { changed, file } : {}, // an older one was put here just now
      );
    }
  }

  async #list(): Promise<{ file: string; changed: bigint }[]> {
    const lists = this.#folders.map(async (folder, i) => {
      const names = (await readdir(folder).catch(() => [])).filter((name) => /^[^.].*\.(png|webp|gif)$/i.test(name));
      const found = names.map(async (name) => {
        const { mtimeNs: changed } = await stat(join(folder, name), { bigint: true });
        return [{ file: i === 0 ? name : `samples/${name}`, changed }];
      });
      return (await Promise.all(found.map((one) => one.catch(() => [])))).flat();
    });
    const all = (await Promise.all(lists)).flat();
    return all.sort((a, b) => (a.changed === b.changed ? (a.file < b.file ? -1 : 1) : a.changed < b.changed ? -1 : 1));
  }
}
