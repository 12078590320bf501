/** The command line, of which rank 1 begins in another folder: its first argument. */
import { runCommandLine } from "../../src/cli/program.ts";

const [folder, ...args] = process.argv.slice(2);
if ((process.env.OMPI_COMM_WORLD_RANK ?? process.env.PMI_RANK) === "1") process.chdir(folder);
process.exitCode = await runCommandLine(args);
