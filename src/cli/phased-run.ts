/**
 * A recipe with phases, trained into one run folder: every phase but the last is a run of its own in `phase-1`, `phase-2` …,
 * with its weights and its pictures; the last is the folder's own run, so that it is sampled as any other.
 *
 * Going on with such a folder goes on in the phase where it stopped. Each phase is taught by files, those of the phase before, so an
 * interruption changes nothing.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { phaseRecipes } from "../recipes/phases.ts";
import { createRun, loadCheckpoint, STATE_FILE } from "../train/index.node.ts";
import { alone, networkFrom, shareText } from "../train/index.ts";
import { markTraining } from "../train/training-mark.node.ts";
import { describe, runTraining, type TrainingRunOptions, type TrainingRunResult } from "./training-run.ts";

export interface PhasedRunOptions extends TrainingRunOptions {
  /** A phase begins, from 1. */
  onPhase?: (phase: number, of: number) => void;
}

/** Trains the phases that are not done yet; a recipe without phases is trained as it is. Raises what `runTraining` does. */
export async function runPhases(options: PhasedRunOptions): Promise<TrainingRunResult> {
  const { recipe, folder, resume = false, onPhase, onNote, group = alone } = options;
  const { phases } = recipe;
  if (phases === undefined) return await runTraining(options);
  const folderOf = (phase: number) => (phase === phases.length - 1 ? folder : join(folder, `phase-${phase + 1}`));
  const recipes = phaseRecipes(recipe, folderOf);
  // What stands in the folder's run.json is the last phase, with the teacher of the first: all phases follow from it.
  const described = describe({ ...recipes[phases.length - 1], teacher: recipe.teacher, phases });
  if (!resume && group.rank === 0) await createRun(folder, described);
  await using _mark = group.rank === 0 ? await markTraining(folder) : undefined;
  let result: TrainingRunResult | undefined;
  for (const [phase, own] of recipes.entries()) {
    // What lies in the folder, rank 0 sees.
    const begun = (await shareText(group, String(existsSync(join(folderOf(phase), STATE_FILE))))) === "true";
    const mayBeDone = begun && phase < phases.length - 1;
    const seen = mayBeDone && group.rank === 0 && (await isDone(folderOf(phase), own));
    if ((await shareText(group, String(seen))) === "true") continue;
    onPhase?.(phase + 1, phases.length);
    onNote(`phase ${phase + 1} of ${phases.length}`);
    const last = phase === phases.length - 1;
    result = await runTraining({
      ...options,
      recipe: own,
      folder: folderOf(phase),
      resume: begun,
      described: last ? described : describe(own),
    });
    if (result.interrupted) break;
  }
  return { ...result!, folder };
}

async function isDone(folder: string, recipe: TrainingRunOptions["recipe"]): Promise<boolean> {
  const { step, steps } = await loadCheckpoint(folder, networkFrom(recipe.network));
  return step >= steps;
}
