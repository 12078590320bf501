/**
 * How a command ends: 0 all well, 1 an error, 2 bad usage, 130 stopped by Ctrl-C. An error is one line on standard error;
 * LANGEVIN_DEBUG=1 adds where it came from.
 */
import { CommanderError } from "commander";
import { ConfigError, LangevinError } from "../core/errors.ts";

export const exitCodes = { ok: 0, error: 1, usage: 2, interrupted: 130 } as const;

/** Raised where a command was stopped before there was anything to keep. */
export class Interrupted extends LangevinError {}

/** The exit code of an error, and the line to print; no line where it was printed already. */
export function outcomeOf(error: unknown, env: Readonly<Record<string, string | undefined>>): [number, string?] {
  if (error instanceof CommanderError) return [error.exitCode === 0 ? exitCodes.ok : exitCodes.usage];
  if (error instanceof Interrupted) return [exitCodes.interrupted, error.message];
  const code = error instanceof ConfigError ? exitCodes.usage : exitCodes.error;
  if (env.LANGEVIN_DEBUG && error instanceof Error) return [code, error.stack ?? error.message];
  if (error instanceof LangevinError) return [code, `langevin: ${error.message}`];
  const message = (error instanceof Error ? error.message : String(error)).split("\n")[0];
  return [code, `langevin: unexpected error: ${message} (LANGEVIN_DEBUG=1 shows where it came from)`];
}

/**
 * Ctrl-C once asks the work to end well, twice ends the process. `note` is printed the first time. Dispose of it when
 * the work is done.
 */
export function interruptible(note: (text: string) => void): { signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort(new Interrupted("stopped"));
    note("finishing this step; Ctrl-C again quits at once");
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}
