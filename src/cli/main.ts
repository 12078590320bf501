#!/usr/bin/env node
/**
 * The command `langevin`.
 */
import { runCommandLine } from "./program.ts";

process.exitCode = await runCommandLine(process.argv.slice(2));
