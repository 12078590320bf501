/**
 * A process that trains the tiny run in a folder, to be killed from outside or, at a chosen call of the file system, by
 * itself.
 *
 *   node --import tsx run-child.ts FOLDER STEPS SAVE_EVERY [linger | KILL_AT_SAVE KILL_AT_CALL]
 *
 * Prints "step <n>" after each step. `linger`: does not exit after the last one, so that a slow killer still finds it.
 * With two more arguments, the save of that number (from 1) kills the process at the named call of the file system: "write" in the middle of the bytes, "rename" before or
 * "renamed" after the replacement.
 */
import { existsSync } from "node:fs";
import * as fs from "node:fs/promises";
import { join } from "node:path";
import { loadCheckpoint, STATE_FILE, saveCheckpoint } from "../checkpoint.node.ts";
import { openMetrics } from "../runs.node.ts";
import { train } from "../train.ts";
import { tinyRun } from "./tiny.ts";

const [folder, steps, saveEvery, killAtSave, killAtCall] = process.argv.slice(2);
const die = () => process.kill(process.pid, "SIGKILL");

/** A file system that ends the process at a call. */
const deadly = {
  async open(path: string, flags: string) {
    const file = await fs.open(path, flags);
    if (flags !== "wx") return file;
    return {
      async writeFile(bytes: Uint8Array) {
        if (killAtCall !== "write") return file.writeFile(bytes);
        await file.writeFile(bytes.subarray(0, bytes.length / 2));
        die();
      },
      sync: () => file.sync(),
      close: () => file.close(),
    };
  },
  async rename(from: string, to: string) {
    if (killAtCall === "rename") die();
    await fs.rename(from, to);
    if (killAtCall === "renamed") die();
  },
  unlink: fs.unlink,
};

const options = tinyRun({ steps: Number(steps) });
const { network } = options;
const from = existsSync(join(folder, STATE_FILE)) ? await loadCheckpoint(folder, network) : undefined;
const metrics = await openMetrics(folder, from?.step ?? 0);
const training = train({ ...options, from });
let saves = 0;
for await (const { step, loss } of training) {
  await metrics.append({ step, loss });
  if (step % Number(saveEvery) === 0 || step === training.steps) {
    const fileSystem = ++saves === Number(killAtSave) ? (deadly as never) : undefined;
    await saveCheckpoint(folder, network, training.state(), { fileSystem });
  }
  process.stdout.write(`step ${step}\n`);
}
if (killAtSave === "linger") setInterval(() => {}, 1000);
