/**
 * Whether a process is training a run folder now: while it does, the folder holds `.training.json` with the number of the
 * process and the name of its machine.
 *
 * A process that is killed leaves its mark behind. Such a mark is told from a true one: no process has the number any more, or the
 * mark is older than the start of the machine. The processes of another machine cannot be seen from here; of its marks those count
 * whose run was written to in the last minutes.
 */
import { readFile, stat, unlink, writeFile } from "node:fs/promises";
import { hostname, uptime } from "node:os";
import { join } from "node:path";
import { METRICS_FILE } from "./runs.node.ts";

export const MARK_FILE = ".training.json";

/** Silence after which a run on another machine counts as ended, ms. */
const SILENCE = 5 * 60_000;

/**
 * Marks a run folder, which must exist, as being trained by this process, until disposed of. A folder in which nothing can be
 * written is left without a mark: the run itself reports that.
 */
export async function markTraining(folder: string): Promise<AsyncDisposable> {
  const path = join(folder, MARK_FILE);
  const text = JSON.stringify({ pid: process.pid, host: hostname() });
  await writeFile(path, text).catch(() => {});
  return {
    async [Symbol.asyncDispose]() {
      const found = await readFile(path, "utf8").catch(() => "");
      if (found === text) await unlink(path).catch(() => {}); // another process may have gone on with the run meanwhile
    },
  };
}

/** Whether a run folder is being trained. A mark that cannot be read is none. */
export async function isTraining(folder: string): Promise<boolean> {
  const path = join(folder, MARK_FILE);
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(path, "utf8"), stat(path)]);
    const { pid, host } = JSON.parse(text);
    if (typeof host !== "string") return false;
    if (host !== hostname()) {
      const metrics = await stat(join(folder, METRICS_FILE)).catch(() => undefined);
      return Date.now() - Math.max(mtimeMs, metrics?.mtimeMs ?? 0) < SILENCE;
    }
    return mtimeMs > Date.now() - uptime() * 1000 && isAlive(pid);
  } catch {
    return false;
  }
}

function isAlive(pid: unknown): boolean {
  if (!Number.isInteger(pid) || (pid as number) <= 0) return false;
  try {
    process.kill(pid as number, 0); // sends nothing: it only asks whether the process is there
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // there, and somebody else's
  }
}
