/**
 * A command on the ranks that mpirun started; on its own where nobody did. Rank 0 prints, the others are silent: what goes wrong
 * with one of them is told to rank 0, which saves, says so, and ends them all.
 */
import { setTimeout } from "node:timers/promises";
import { launcherOf, type MpiGroup, mpiGroup, RankError } from "../train/index.node.ts";
import { outcomeOf } from "./exit.ts";
import { note } from "./show.ts";

/** Milliseconds for which a rank leaves it to rank 0 to say why there is no group. */
const RANK_0_FIRST = 3000;

/** Runs a command once for each rank. Returns its exit code; raises what it raises on a process of its own. */
export async function onRanks(run: (group: MpiGroup) => Promise<number>): Promise<number> {
  const group = await open();
  if (group.size === 1) return await run(group);
  try {
    const exitCode = await run(group);
    await group[Symbol.asyncDispose]();
    return exitCode;
  } catch (error) {
    const [exitCode, text] = outcomeOf(error, process.env);
    const alarm = error instanceof RankError ? error : undefined;
    // Nobody else can say that rank 0 is gone; of those who know, the one that noticed does.
    const speaks = group.rank === 0 || (alarm?.lost === 0 && alarm.rank === group.rank);
    if (speaks && text !== undefined) note(text);
    if (!alarm) await group.alarm(error instanceof Error ? error.message : String(error));
    return await group.abort(exitCode);
  }
}

async function open(): Promise<MpiGroup> {
  try {
    return await mpiGroup();
  } catch (error) {
    const rank = rankByLauncher();
    if (rank > 0) await setTimeout(RANK_0_FIRST);
    throw error;
  }
}

function rankByLauncher(): number {
  try {
    return launcherOf(process.env)?.rank ?? 0;
  } catch {
    return Number(process.env.SLURM_PROCID ?? 0);
  }
}
