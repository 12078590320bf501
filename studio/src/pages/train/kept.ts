/**
 * A run of this browser as it was saved: its curve and its grids, for those who show it or go on with it.
 */
import { type RunStore, samplesPicture } from "langevin/browser";
import { pngOf } from "../../lib/download.ts";
import { stepOfPicture } from "../../lib/runs.ts";
import { metricsLines } from "./metrics.ts";
import type { RunView } from "./view.svelte.ts";

/** Fills a view with what the store has of a run up to `step`, the step that was saved. */
export async function fillView(
  view: RunView,
  store: RunStore,
  run: string,
  step = Number.POSITIVE_INFINITY,
): Promise<void> {
  const metrics = await store.read(run, "metrics.jsonl");
  if (metrics) view.add(metricsLines(new TextDecoder().decode(metrics)).filter((line) => line.step <= step));
  for (const file of await store.files(run)) {
    const at = stepOfPicture(file);
    const bytes = at !== undefined && at <= step ? await store.read(run, file) : undefined;
    if (bytes) view.addGrid({ step: at!, url: URL.createObjectURL(new Blob([bytes], { type: "image/png" })) });
  }
  const described = await store.read(run, "run.json");
  const batch = described && batchOf(new TextDecoder().decode(described));
  if (batch) view.batch = batch;
}

/** Keeps a grid of samples with its run, where the command line has its own. `images`: [N, C, H, W]. */
export async function keepGrid(
  store: RunStore,
  run: string,
  grid: { step: number; images: Float32Array; shape: readonly number[] },
): Promise<void> {
  const file = `samples/step-${String(grid.step).padStart(6, "0")}.png`;
  await store.write(run, file, await pngOf(samplesPicture(grid.images, grid.shape)));
}

/** Pictures of a step, from the text of a `run.json`; undefined where it does not say. */
export function batchOf(text: string): number | undefined {
  try {
    const { batch, accumulate = 1 } = JSON.parse(text).training;
    return Number.isInteger(batch) ? batch * accumulate : undefined;
  } catch {
    return undefined;
  }
}
