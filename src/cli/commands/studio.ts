/**
 * `langevin studio`: serves the studio on this machine, with the runs of a folder, until Ctrl-C.
 */
import { existsSync, statSync } from "node:fs";
import { FileAccessError } from "../../core/errors.ts";
import { STUDIO_PORT, startStudio } from "../../server/ports.ts";
import { exitCodes } from "../exit.ts";
import { note, print } from "../show.ts";
import { openBrowser, studioRoot } from "../studio.ts";

export interface StudioCommandOptions {
  port?: number;
  /** False with `--no-open`. */
  open: boolean;
}

/** The folder of runs where none is named. */
const RUNS = "runs";

export async function studioCommand(folder: string | undefined, options: StudioCommandOptions): Promise<number> {
  if (folder !== undefined) checkFolder(folder);
  const root = await studioRoot(note);
  const { port } = options;
  const server = await startStudio({ root, runs: folder ?? RUNS, port });
  const stopped = untilStopped();
  print(`the studio is at ${server.url}`);
  if (port === undefined && server.port !== STUDIO_PORT) {
    note(`port ${STUDIO_PORT} is in use; what a browser keeps at that address is not to be seen at this one`);
  }
  note(`with the runs in ${folder ?? RUNS}; Ctrl-C ends it`);
  if (options.open && !(await openBrowser(server.url))) note("no browser can be opened from here: open the address");
  await stopped;
  await server.close();
  return exitCodes.ok; // to be stopped is how a server ends
}

function checkFolder(folder: string): void {
  if (!existsSync(folder)) throw new FileAccessError(`there is no folder ${folder}`);
  if (!statSync(folder).isDirectory()) {
    throw new FileAccessError(`${folder} is a file; give a run folder, or a folder that holds some`);
  }
}

/** Settles at Ctrl-C. */
function untilStopped(): Promise<void> {
  const signals = ["SIGINT", "SIGTERM"] as const;
  return new Promise((resolve) => {
    const stop = () => {
      for (const signal of signals) process.off(signal, stop);
      resolve();
    };
    for (const signal of signals) process.on(signal, stop);
  });
}
