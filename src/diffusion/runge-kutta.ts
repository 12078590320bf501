/**
 * Ordinary differential equations dy/dt = f(t, y) by the Runge-Kutta pair of Dormand and Prince: a step of order 5, and
 * one of order 4 from the same seven slopes, whose difference is the error that the step size is chosen by. The last
 * slope of a step is the first of the next. The state is float64, the slope asynchronous (a network).
 *
 *   error = max over segments of rms(difference / (atol + rtol max(|y|, |y'|)))     accepted up to 1
 *   h' = h · 0.9 error^(-1/5), between a fifth and ten times h
 *
 * Sources: Dormand and Prince, "A family of embedded Runge-Kutta formulae" (1980); first step and step control after
 * Hairer, Nørsett, Wanner, "Solving Ordinary Differential Equations I" (1993), II.4. Tested against equations solved in
 * closed form: order 5 with fixed steps, and an error that follows the tolerance.
 */
import { ConfigError } from "../core/errors.ts";

/** f(t, y): a new array of the length of y. */
export type Slope = (t: number, y: Float64Array) => Promise<Float64Array>;

export interface AdaptiveOptions {
  /** Error of a step that is accepted, relative to y. */
  rtol: number;
  /** Error of a step that is accepted, in the units of y. */
  atol: number;
  /** Lengths of the parts of y, such as images, each of which must meet the tolerance. Default: y is one. */
  segments?: readonly number[];
  /** Stops between two steps, with the signal's reason. */
  signal?: AbortSignal;
}

/** Where the solution has come to. */
export interface Reached {
  t: number;
  y: Float64Array;
  /** Slopes asked for so far. */
  evaluations: number;
}

const nodes = [0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1];
const stages = [
  [],
  [1 / 5],
  [3 / 40, 9 / 40],
  [44 / 45, -56 / 15, 32 / 9],
  [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
];
/** Weights of order 5 less those of order 4. */
const differences = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40];

function combined(y: Float64Array, h: number, weights: readonly number[], slopes: readonly Float64Array[]) {
  const out = y.slice();
  weights.forEach((weight, k) => {
    if (weight === 0) return;
    const slope = slopes[k];
    for (let i = 0; i < out.length; i++) out[i] += h * weight * slope[i];
  });
  return out;
}

/**
 * One step from (t, y) with its slope there, to `next`. The last of the slopes is that at the end; the weights of
 * `difference` give the error in y of the step of order 4.
 */
export async function dormandPrinceStep(f: Slope, t: number, y: Float64Array, slope: Float64Array, next: number) {
  const h = next - t;
  const slopes = [slope];
  let end = y;
  for (let stage = 1; stage < nodes.length; stage++) {
    end = combined(y, h, stages[stage], slopes);
    slopes.push(await f(nodes[stage] === 1 ? next : t + nodes[stage] * h, end));
  }
  return { y: end, slope: slopes[6], difference: combined(new Float64Array(y.length), h, differences, slopes) };
}

/** The largest root mean square of values / scale over the segments. */
function norm(values: Float64Array, scale: Float64Array, segments: readonly number[]): number {
  let worst = 0;
  let from = 0;
  for (const length of segments) {
    let sum = 0;
    for (let i = from; i < from + length; i++) sum += (values[i] / scale[i]) ** 2;
    worst = Math.max(worst, Math.sqrt(sum / length));
    from += length;
  }
  return worst;
}

/**
 * The solution from (t, y) to each of the `stops` in turn, which lie beyond t in one direction; it lands on each of them.
 * A tolerance that no step meets is a ConfigError when it happens.
 */
export async function* adaptive(
  f: Slope,
  from: { t: number; y: Float64Array },
  stops: readonly number[],
  options: AdaptiveOptions,
): AsyncGenerator<Reached> {
  const { rtol, atol, segments = [from.y.length], signal } = options;
  const scaleOf = (a: Float64Array, b: Float64Array) =>
    a.map((value, i) => atol + rtol * Math.max(Math.abs(value), Math.abs(b[i])));
  const span = Math.abs(stops[stops.length - 1] - from.t);
  let { t, y } = from;
  let evaluations = 2;
  signal?.throwIfAborted();
  let slope = await f(t, y);
  let size = await firstStep();
  for (const stop of stops) {
    let rejected = false;
    while (t !== stop) {
      signal?.throwIfAborted();
      const rest = Math.abs(stop - t);
      const lands = size >= rest * (1 - 1e-12);
      const next = lands ? stop : t + Math.sign(stop - t) * Math.min(size, rest > 1.9 * size ? size : rest / 2);
      const step = await dormandPrinceStep(f, t, y, slope, next);
      evaluations += 6;
      const error = norm(step.difference, scaleOf(y, step.y), segments);
      const taken = Math.abs(next - t);
      const factor = Math.min(rejected ? 1 : 10, Math.max(0.2, 0.9 * error ** -0.2));
      if (error <= 1) {
        ({ y, slope } = step);
        t = next;
        size = lands ? Math.max(size, taken * factor) : taken * factor;
        rejected = false;
      } else {
        size = taken * (Number.isFinite(factor) ? Math.min(1, factor) : 0.2);
        rejected = true;
      }
      if (!(size > 1e-13 * Math.max(span, Math.abs(t)))) {
        throw new ConfigError(
          `no step meets the tolerances rtol ${rtol} and atol ${atol} at ${t}: the slope jumps there, or is rougher than ` +
            `they allow (float32 networks are good to about 1e-6); take larger ones`,
        );
      }
    }
    yield { t, y: y.slice(), evaluations };
  }

  async function firstStep(): Promise<number> {
    const scale = scaleOf(y, y);
    const [size0, slope0] = [norm(y, scale, segments), norm(slope, scale, segments)];
    const guess = Math.min(span, size0 < 1e-5 || slope0 < 1e-5 ? 1e-6 : (0.01 * size0) / slope0);
    const h = Math.sign(stops[0] - t) * guess;
    const ahead = await f(t + h, combined(y, h, [1], [slope]));
    const curve =
      norm(
        ahead.map((value, i) => value - slope[i]),
        scale,
        segments,
      ) / guess;
    const steepest = Math.max(slope0, curve);
    const second = steepest <= 1e-15 ? Math.max(1e-6, guess * 1e-3) : (0.01 / steepest) ** 0.2;
    return Math.min(100 * guess, second);
  }
}
