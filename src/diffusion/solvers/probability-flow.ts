/**
 * The probability-flow ODE by an adaptive Runge-Kutta pair: the deterministic flow with the marginals of the path,
 *
 *   dx = (f x - g² score / 2) dt     =     dz / dphi = v, in the angle phi = atan(sigma / alpha) (angle.ts)
 *
 * solved to a tolerance in z = x / sqrt(alpha² + sigma²), which has unit spread at every level. It takes any path and any
 * prediction. The interval is cut into `steps` parts that are even in phi; each is solved with as many evaluations as it
 * needs and reported at its end, so that a caller sees progress. The flow ends at the path's least noise, and there by
 * default takes x0hat.
 *
 * One step size serves a batch, chosen for its worst image. So an image depends on the others of its batch, but by no more
 * than the tolerance.
 *
 * Source: Song et al., "Score-Based Generative Modeling through SDEs" (2021), §4.3 and D.4 (RK45, tolerances 1e-5).
 * Tested against the exact flow of Gaussian data, N(0.3, 0.5²), to 1e-6 on discrete, VP, sub-VP, VE and straight paths.
 */
import { angularPath, angularVelocity, radiusOf, sigmaMinField } from "../angle.ts";
import type { Denoiser } from "../denoiser.ts";
import { choice, integer, readOptions, real, withDefault } from "../options.ts";
import type { Denoised } from "../prediction.ts";
import { adaptive } from "../runge-kutta.ts";
import { remaining, type SampleOptions, type Solver, type SolverStep, spreadAt, start } from "./solver.ts";

export interface ProbabilityFlowOptions {
  /** Reports: the interval is cut into so many parts. The tolerance alone decides how often the network is asked. Default 10. */
  steps?: number;
  /** Error of a Runge-Kutta step relative to the state. Default 1e-5. */
  rtol?: number;
  /** Error of a Runge-Kutta step in units of the state's spread. Default 1e-5. */
  atol?: number;
  /** sigma / alpha where the flow ends. Default: the path's least, or 1e-3 where that is 0. */
  sigmaMin?: number;
  /** From there: take x0hat ("denoise", the default), or keep the little noise that is left ("none"). */
  lastStep?: "denoise" | "none";
}

const tolerance = withDefault(real(0, 1, true), 1e-5);
const fields = {
  steps: withDefault(integer(1), 10),
  rtol: tolerance,
  atol: tolerance,
  sigmaMin: sigmaMinField,
  lastStep: withDefault(choice("denoise", "none"), "denoise"),
};

/** The probability-flow ODE. */
export function probabilityFlow(options: ProbabilityFlowOptions = {}): Solver {
  const config = readOptions("probabilityFlow", fields, options);
  return Object.freeze({
    name: "probabilityFlow",
    config,
    sample(denoiser: Denoiser, sampling: SampleOptions) {
      const { steps, rtol, atol, sigmaMin, lastStep } = config;
      const { data, noise, levelAt } = angularPath(denoiser.path, sigmaMin);
      const stops = Array.from({ length: steps }, (_, i) => noise + ((i + 1) * (data - noise)) / steps);
      stops[steps - 1] = data;
      const from = start(sampling, spreadAt(levelAt(noise)));
      const left = remaining(stops, from.skip);
      const [images] = sampling.shape;
      async function* run(): AsyncGenerator<SolverStep> {
        let latest: Denoised | undefined; // of the last slope, which is that at the end of a part
        const slope = async (phi: number, z: Float64Array) => {
          const level = levelAt(phi);
          const r = radiusOf(level);
          latest = await denoiser.denoise(
            Float32Array.from(z, (value) => r * value),
            level,
            sampling.condition,
          );
          return angularVelocity(latest, level);
        };
        const begin = from.skip === 0 ? noise : stops[from.skip - 1];
        const r = radiusOf(levelAt(begin));
        const reached = adaptive(
          slope,
          { t: begin, y: Float64Array.from(from.x, (value) => value / r) },
          left.map(([, stop]) => stop),
          {
            rtol,
            atol,
            segments: new Array(images).fill(from.x.length / images),
            signal: sampling.signal,
          },
        );
        let step = from.skip;
        for await (const { t: phi, y } of reached) {
          const level = levelAt(phi);
          const scale = radiusOf(level);
          const { sample } = latest!;
          const isLast = ++step === steps;
          const x = isLast && lastStep === "denoise" ? sample.slice() : Float32Array.from(y, (value) => scale * value);
          yield { step, of: steps, t: level.t, x, sample };
          sampling.signal?.throwIfAborted();
        }
      }
      return run();
    },
  });
}
