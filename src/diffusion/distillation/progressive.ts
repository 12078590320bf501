/**
 * Progressive distillation: what a student of N steps must predict so that one of its DDIM steps is two of its teacher's.
 *
 *   t = (i + 1) / N,  t' = t - 1/(2N),  t'' = t - 1/N,   i = 0 .. N-1
 *   z' = alpha' x̂(z, t) + sigma' ε̂(z, t),   z'' = alpha'' x̂(z', t') + sigma'' ε̂(z', t')
 *   x̃ = (z'' - (sigma''/sigma) z) / (alpha'' - (sigma''/sigma) alpha)
 *
 * Source: Salimans and Ho, "Progressive Distillation for Fast Sampling of Diffusion Models" (2022), algorithm 2. Both z
 * cancel from x̃: it is a weighted mean of the teacher's two predictions,
 *
 *   x̃ = w x̂(z, t) + (1 - w) x̂(z', t'),   w = (sigma''/sigma') (alpha' - alpha sigma'/sigma) / (alpha'' - alpha sigma''/sigma)
 *
 * which loses no digits to the difference. Where the last step ends without noise (sigma'' = 0, i = 0) w is 0, and x̃ is
 * the teacher's last prediction. Tested against the formula above, against two DDIM steps of the solver, and against the
 * closed form on Gaussian data.
 */
import { ConfigError } from "../../core/errors.ts";
import type { Condition } from "../denoiser.ts";
import { integer, show } from "../options.ts";
import type { Level, Path } from "../path-contract.ts";
import { type BatchDenoiser, imageSize, mixEach } from "./batch-denoiser.ts";

/** The levels of one student step and of the teacher's stop in its middle. */
export interface StudentStep {
  readonly from: Level;
  readonly middle: Level;
  readonly to: Level;
}

/** Student step i of N, counted from the data end: 0 .. N-1. A path of discrete time is a ConfigError. */
export function studentStep(path: Path, steps: number, i: number): StudentStep {
  if (path.timesteps !== undefined) {
    throw new ConfigError(
      `progressive distillation halves the steps of continuous time, and the path ${path.name} has ${path.timesteps} ` +
        'discrete timesteps; train the teacher on a continuous path, such as { name: "straightLine" }',
    );
  }
  if (!integer(1).accepts(steps) || !integer(0, steps - 1).accepts(i)) {
    throw new ConfigError(
      `a student of ${show(steps)} steps has no step ${show(i)}; steps count from 0 at the data end`,
    );
  }
  const [first, last] = path.span;
  const at = (halves: number) => path.at(first + ((last - first) * halves) / (2 * steps));
  return { from: at(2 * i + 2), middle: at(2 * i + 1), to: at(2 * i) };
}

/** The weight w of the teacher's first prediction in x̃. */
export function firstWeight({ from, middle, to }: StudentStep): number {
  const rest = (later: Level, earlier: Level) => later.alpha - (earlier.alpha * later.sigma) / earlier.sigma;
  return ((to.sigma / middle.sigma) * rest(middle, from)) / rest(to, from);
}

/**
 * x̃ of each image: z [N, ...] flat, image n at `steps[n].from`. Asks the teacher twice. The student that predicts x̃
 * makes z'' of z in one DDIM step.
 */
export async function progressiveTarget(
  teacher: BatchDenoiser,
  z: Float32Array,
  steps: readonly StudentStep[],
  condition?: Condition,
): Promise<Float32Array> {
  imageSize(z, steps);
  const column = (of: (step: StudentStep) => number) => steps.map(of); // [N]
  const first = await teacher.denoiseEach(
    z,
    steps.map(({ from }) => from),
    condition,
  );
  const middle = mixEach(
    column((step) => step.middle.alpha),
    first.sample,
    column((step) => step.middle.sigma),
    first.noise,
  );
  const second = await teacher.denoiseEach(
    middle,
    steps.map((step) => step.middle),
    condition,
  );
  return mixEach(
    column(firstWeight),
    first.sample,
    column((step) => 1 - firstWeight(step)),
    second.sample,
  );
}
