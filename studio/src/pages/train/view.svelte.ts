/**
 * What is shown of a run, whether it trains in this tab or is watched: filled line by line from metrics and events.
 */
import type { MetricsLine, NoiseBucket } from "./metrics.ts";
import { secondsLeft } from "./words.ts";

/** Samples at a step: drawn here, or a picture of the run folder. */
export type Grid =
  | { readonly step: number; readonly images: Float32Array; readonly shape: readonly number[] }
  | { readonly step: number; readonly url: string };

export class RunView {
  title = $state("");
  /** Rises with each line, for those who read the arrays. */
  version = $state(0);
  step = $state(0);
  /** Steps as planned. */
  total = $state<number | undefined>();
  /** Pictures per second. */
  pace = $state<number | undefined>();
  seconds = $state(0);
  buckets = $state.raw<readonly NoiseBucket[]>([]);
  grids = $state.raw<readonly Grid[]>([]);
  gridIndex = $state(0);
  gridHint = $state("Samples appear here.");
  /** Where the run stands, in words. */
  stateText = $state("");
  batch = $state(64);
  /** Not state: they grow with every step, and `version` says so. */
  readonly steps: number[] = [];
  readonly losses: number[] = [];

  readonly secondsLeft = $derived.by(() => {
    if (this.total === undefined || this.pace === undefined) return undefined;
    return secondsLeft({ step: this.step, steps: this.total, imagesPerSecond: this.pace, batch: this.batch });
  });

  /** Takes in lines in the order of their steps; one of an earlier step cuts off what was known of later ones. */
  add(lines: readonly MetricsLine[]): void {
    for (const line of lines) {
      while (this.steps.length > 0 && this.steps[this.steps.length - 1] >= line.step) {
        this.steps.pop();
        this.losses.pop();
      }
      this.steps.push(line.step);
      this.losses.push(line.loss);
      this.step = line.step;
      if (line.steps !== undefined) this.total = line.steps;
      if (line.imagesPerSecond !== undefined) this.pace = line.imagesPerSecond;
      if (line.seconds !== undefined) this.seconds = line.seconds;
      if (line.lossByNoise !== undefined) this.buckets = line.lossByNoise;
    }
    if (lines.length > 0) this.version++;
  }

  /** Forgets all lines and grids. */
  reset(): void {
    this.steps.length = 0;
    this.losses.length = 0;
    this.step = 0;
    this.seconds = 0;
    this.buckets = [];
    this.grids = [];
    this.gridIndex = 0;
    this.version++;
  }

  /** A grid in its place; who looks at the last one goes on to look at the last one. */
  addGrid(grid: Grid): void {
    const atEnd = this.gridIndex >= this.grids.length - 1;
    this.grids = [...this.grids.filter(({ step }) => step !== grid.step), grid].sort((a, b) => a.step - b.step);
    if (atEnd) this.gridIndex = this.grids.length - 1;
  }
}
