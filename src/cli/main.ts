#!/usr/bin/env node
/**
 * The command `langevin`.
 */
import { runCommandLine } from "./program.ts";

// Whoever reads the output may stop early, as `| head` does; that is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

process.exitCode = await runCommandLine(process.argv.slice(2));
