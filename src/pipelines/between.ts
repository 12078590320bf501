/**
 * A row of pictures between those of two seeds. Every random number of the way, the start and the noise of each step, is
 * taken from the two seeds' streams on a quarter circle,
 *
 *   z = cos(u π/2) z_a + sin(u π/2) z_b,   u from 0 to 1 along the row,
 *
 * which is standard normal for each u as z_a and z_b are. So it works with any solver, and the ends are the first pictures
 * of the two seeds, as `sample` draws them (the test). Source: DDIM (Song, Meng, Ermon 2021), section 5.3, which does so
 * with the start.
 */
import { Random } from "../core/random.ts";
import { sizeOf } from "../core/shape.ts";
import type { SolverStep } from "../diffusion/solvers/solver.ts";
import { guidedDenoiser } from "./denoiser.ts";
import { checkWhole, compile, conditionOf, type SampleRequest } from "./sample.ts";

export interface BetweenRequest extends Omit<SampleRequest, "initial" | "batch" | "classLabel"> {
  /** The seed at the other end of the row. */
  seedTo: number;
  /** The class of all pictures. Default for a conditional network: 0. */
  classLabel?: number;
}

/** The steps of the row, in one batch; `count`: pictures of the row, the two ends included. Raises as `sample`. */
export async function* betweenSteps(request: BetweenRequest): AsyncGenerator<SolverStep> {
  const { network, solver, seed, seedTo, signal, count } = request;
  checkWhole("count", count);
  const { classLabel = network.classes === undefined ? undefined : 0 } = request;
  const condition = conditionOf({ ...request, classLabel }, 0, count);
  await using compiled = compile(request);
  const size = sizeOf(network.imageShape);
  const noise = noiseBetween([seed, seedTo], count, size);
  const options = { shape: [count, ...network.imageShape], seed, condition, noise, signal };
  for await (const step of solver.sample(guidedDenoiser(compiled, request), options)) {
    request.onStep?.(step.step, step.of);
    yield step;
  }
}

/** The numbers of a row: each call gives the next [count, size]. */
export function noiseBetween([from, to]: readonly [number, number], count: number, size: number): () => Float32Array {
  const streams = [from, to].map((seed) => Random.from(seed, "sample", 0));
  return () => {
    const [a, b] = streams.map((stream) => {
      const numbers = new Float32Array(size);
      stream.fillNormal(numbers);
      return numbers;
    });
    const out = new Float32Array(count * size);
    for (let n = 0; n < count; n++) {
      const angle = (Math.PI / 2) * (count === 1 ? 0 : n / (count - 1));
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      for (let i = 0; i < size; i++) out[n * size + i] = cos * a[i] + sin * b[i];
    }
    return out;
  };
}
