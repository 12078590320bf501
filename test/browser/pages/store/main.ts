/** A page that lends its run store to a test. */
import { opfsRunStore } from "../../../../src/browser/opfs-run-store.ts";

const store = opfsRunStore();
const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);

let held: AsyncDisposable | undefined;

const lent = {
  list: () => store.list(),
  files: (run: string) => store.files(run),
  read: async (run: string, file: string) => text(await store.read(run, file)),
  write: (run: string, file: string, content: string) => store.write(run, file, new TextEncoder().encode(content)),
  /** Begins to write so many megabytes, and does not wait. */
  beginWrite(run: string, file: string, megabytes: number) {
    void store.write(run, file, new Uint8Array(megabytes * 1e6).fill(120));
  },
  writeLarge: (run: string, file: string, megabytes: number) =>
    store.write(run, file, new Uint8Array(megabytes * 1e6).fill(121)),
  append: (run: string, file: string, content: string) => store.append(run, file, content),
  remove: (run: string) => store.remove(run),
  async hold(run: string) {
    held = await store.lock!(run);
  },
  async letGo() {
    await held?.[Symbol.asyncDispose]();
  },
};

export type LentStore = typeof lent;

Object.assign(globalThis, { lent });
