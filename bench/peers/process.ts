/**
 * A side of the benchmark in a process of its own, seen from the benchmark.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { PeerAnswer, PeerRequest } from "./protocol.ts";

export interface PeerCommand {
  /** As the table shows it. */
  name: string;
  command: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
}

/** A side that gave no answer: it is not installed, cannot do the task, or took too long. */
export class PeerError extends Error {}

/** A running server; see `protocol.ts`. */
export class PeerProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #exited: Promise<void>;
  #errors = "";

  constructor({ command, args, env }: PeerCommand, more: readonly string[] = []) {
    const child = spawn(command, [...args, ...more], {
      env: { ...process.env, ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once("close", () => resolve());
      child.once("error", (error) => {
        this.#errors += error.message;
        resolve();
      });
    });
    child.stdin.on("error", () => {}); // it is gone: the missing answer says so
    child.stderr.on("data", (data: Buffer) => {
      this.#errors = (this.#errors + data).slice(-10_000);
    });
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** Raises a PeerError with the side's own words when it has no answer within `timeoutMs`. */
  async ask(request: PeerRequest, timeoutMs: number): Promise<PeerAnswer> {
    this.#child.stdin!.write(`${JSON.stringify(request)}\n`);
    return this.answer(timeoutMs);
  }

  /** The next answer, of a process that was given its request when it was started. */
  async answer(timeoutMs: number): Promise<PeerAnswer> {
    const line = await this.line(timeoutMs);
    const answer = JSON.parse(line) as PeerAnswer | { error: string };
    if ("error" in answer) throw new PeerError(answer.error);
    return answer;
  }

  /** The next line that it prints. */
  async line(timeoutMs: number): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), timeoutMs);
    });
    const first = await Promise.race([this.#lines.next(), late]).finally(() => clearTimeout(timer));
    if (first === "late") throw new PeerError(`no answer within ${Math.round(timeoutMs / 1000)} s`);
    if (!first.done) return first.value;
    await this.#exited;
    throw new PeerError(lastWords(this.#errors) || "it ended without an answer");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL"); // what it computes is of no use any more, and it may be in the middle of it
    await this.#exited;
  }
}

/** The line of an error report that says what happened. */
function lastWords(errors: string): string {
  const lines = errors.split("\n").map((line) => line.trim());
  return lines.findLast((line) => /^\w*(Error|Exception)\b.*:/.test(line)) ?? lines.findLast(Boolean) ?? "";
}
