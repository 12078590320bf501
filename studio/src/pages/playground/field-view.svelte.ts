/**
 * The field of the network that is there, at a time that one chooses. The slider runs evenly in the angle phi = atan(sigma / alpha),
 * from little noise to the noise end, so that no path hides its data end in a corner.
 */
import { fieldTimes, noised, type Path, Random } from "langevin/browser";
import { Latest } from "./latest.svelte.ts";
import type { Learning } from "./learning.svelte.ts";
import { halfAt, inPlane, levelsOf, radius, WHOLE } from "./plane.ts";

/** Arrows along each side, and lines along each side of the grid of starts. */
export const CELLS = 22;
const SIDE = 9;

/** The time of a share u of the way in phi, from little noise (0) to the noise end (1). */
export function timeOfShare(path: Path, u: number): number {
  const [from, to] = fieldTimes(path);
  if (u <= 0) return from;
  if (u >= 1) return to;
  const angle = (t: number) => {
    const { alpha, sigma } = path.at(t);
    return Math.atan2(sigma, alpha);
  };
  return path.timeOfLogSnr(-2 * Math.log(Math.tan(angle(from) + u * (angle(to) - angle(from)))));
}

export class FieldView {
  u = $state(0.35);
  of = $state<"score" | "flow">("score");
  lines = $state(false);
  readonly field = new Latest("playgroundField");
  readonly ways = new Latest("playgroundLines");
  readonly #learning: Learning;
  /** The path on which the lines were drawn. */
  #made = $state.raw<Path | undefined>();

  constructor(learning: Learning) {
    this.#learning = learning;
  }

  readonly t: number = $derived.by(() => timeOfShare(this.#learning.drawnPath, this.u));
  readonly level: { t: number; alpha: number; sigma: number } = $derived.by(() => this.#learning.drawnPath.at(this.t));
  /** Half of the window. Lines go from noise to data, so they need all of it. */
  readonly half: number = $derived(this.lines ? WHOLE : halfAt(this.level));

  /** Real points with the noise of this time, in the plane. */
  readonly noisy: Float32Array = $derived.by(() => {
    const { real, drawnPath } = this.#learning;
    const noise = Random.from(0, "field").normals(real.length);
    const r = radius(this.level);
    return noised(real, noise, drawnPath, this.t).map((value) => value / r);
  });

  readonly drawnLines: { points: Float32Array; count: number; frames: number; at: number } | undefined = $derived.by(
    () => {
      const way = this.ways.result;
      if (way === undefined || this.#made === undefined || !this.lines) return undefined;
      const levels = levelsOf(way, this.#made);
      // Where the points of the lines are at the time of the slider.
      const angle = ({ alpha, sigma }: { alpha: number; sigma: number }) => Math.atan2(sigma, alpha);
      const wanted = angle(this.level);
      const at = levels.findIndex((level) => angle(level) <= wanted + 1e-6);
      return { points: inPlane(way, levels), count: way.count, frames: way.frames, at: at < 0 ? way.frames - 1 : at };
    },
  );

  look(): void {
    const { model } = this.#learning;
    if (model !== undefined) this.field.ask({ model, t: this.t, cells: CELLS, half: this.half });
  }

  lookAtLines(): void {
    const { model, learned, running } = this.#learning;
    if (model === undefined || learned === undefined || !this.lines || running) return;
    if (this.#made !== learned.path) {
      this.ways.clear();
      this.#made = learned.path;
    }
    this.ways.ask({ model, side: SIDE });
  }

  stop(): void {
    this.field.stop();
    this.ways.stop();
  }
}
