/**
 * The loops that diffusers' tests run, driven through our solvers: see scheduler-tests.cases.ts for what they are.
 *
 * "overwritten" loops are not a sampler's. In sigma space (y = x / alpha, s = sigma / alpha) they replace y by
 * S = y / sqrt(s² + 1) before every call of the network, and go on from there; within a step of two calls the second S
 * only enters the prediction. What a solver of sigma space adds to y depends on y only through the predictions, so the
 * loop runs beside our solver, in the denoiser: it follows both states, Y of the solver and S of the loop, by the
 * solver's increments, and gives the solver predictions that make it take the loop's increments. Solvers without a history
 * start anew from the loop's state at every step, which keeps the two states near in float32.
 */
import { BrownianTree } from "../../src/core/brownian.ts";
import { TorchGenerator } from "../../src/core/torch-random.ts";
import {
  type Denoiser,
  type Network,
  type Path,
  type SampleOptions,
  type Solver,
  solve,
} from "../../src/diffusion/index.ts";
import { type LevelsOptions, levelsFor, levelsOptions, ratioOf } from "../../src/diffusion/levels.ts";
import type { Level } from "../../src/diffusion/path-contract.ts";
import { dummyNoise, dummySample, dummyShape } from "../../src/diffusion/testing/dummy.ts";
import type { PinnedLoop } from "./scheduler-tests.cases.ts";

/** The level at which a run asks the denoiser first. */
export async function firstLevel(solver: Solver, path: Path, skip: number): Promise<Level> {
  let found: Level | undefined;
  const enough = new Error("seen");
  const probe: Denoiser = {
    path,
    async denoise(_x, at) {
      found = typeof at === "number" ? path.at(at) : at;
      throw enough;
    },
  };
  try {
    await solver.sample(probe, { shape: [1, 1], seed: 0, skip, initial: new Float32Array(1) }).next();
  } catch (error) {
    if (error !== enough) throw error;
  }
  if (found === undefined) throw new Error(`${solver.name} did not ask the denoiser`);
  return found;
}

/**
 * The noise of dpmppSde as diffusers draws it: of one Brownian motion over sigma, first from s to the middle level, then
 * from there to the next. diffusers keeps -ln sigma in float32 and takes sigma from it, which moves 157 by 4e-5: as much as
 * the motion resolves, so the places are rounded here as they are there.
 */
export function brownianNoise(solver: Solver, path: Path, seed: number): (length: number) => Float32Array {
  const f = Math.fround;
  const levels = levelsFor(path, levelsOptions(solver.config as LevelsOptions));
  const sigmas = levels.map((level) => f(ratioOf(level))).filter((sigma) => sigma > 0);
  const [end, start] = [Math.max(...sigmas), Math.min(...sigmas)];
  const logs = sigmas.map((sigma) => f(Math.log(sigma)));
  const places = logs
    .flatMap((log, i) => (i + 1 < logs.length ? [log, f(log + f(f(logs[i + 1] - log) * 0.5))] : [log]))
    .map((log) => Math.min(end, Math.max(start, f(Math.exp(log)))));
  let tree: BrownianTree | undefined;
  let call = 0;
  return (length) => {
    tree ??= new BrownianTree({ size: length, start, end, seed });
    const from = places[call++];
    return tree.noise(from, places[call]);
  };
}

interface Overwritten {
  denoiser: Denoiser;
  /** The loop's state, from the solver's y after its last step. */
  end(y: Float64Array): Float64Array;
}

/** The solvers with two calls in every step but the last, and what they do with the second prediction. */
const twoCalls: Readonly<Record<string, "slope" | "sample">> = {
  heun: "slope",
  dpm2: "slope",
  dpm2Ancestral: "slope",
  dpmppSde: "sample",
};

/**
 * The denoiser in which an "overwritten" loop runs. In the second call of a step, a solver takes the slope at the state
 * there, or goes towards the sample from the state at the start of the step.
 */
function overwritten(network: Network, prediction: "noise" | "v", path: Path, solverName: string): Overwritten {
  const second = twoCalls[solverName];
  const calls = second === undefined ? 1 : 2;
  let call = 0;
  let solverStart = new Float64Array();
  let loopStart = new Float64Array();
  const followed = (solver: Float64Array) => solver.map((value, i) => loopStart[i] + (value - solverStart[i]));
  const denoiser: Denoiser = {
    path,
    async denoise(x, at) {
      const level = typeof at === "number" ? path.at(at) : at;
      const s = ratioOf(level);
      const solver = Float64Array.from(x, (value) => value / level.alpha);
      const state = call === 0 ? solver : followed(solver);
      const loop = state.map((value) => value / Math.sqrt(s * s + 1));
      const isFirst = call++ % calls === 0;
      if (isFirst) [solverStart, loopStart] = [solver, loop];
      const output = await network(Float32Array.from(loop), level.networkTime);
      if (!(output instanceof Float32Array)) throw new Error("the toy network has one output");
      const sample = new Float32Array(x.length);
      const noise = new Float32Array(x.length);
      loop.forEach((value, i) => {
        const predicted =
          prediction === "noise"
            ? value - s * output[i]
            : (-s / Math.sqrt(s * s + 1)) * output[i] + value / (s * s + 1);
        const apart = isFirst || second === "slope" ? solver[i] - value : solverStart[i] - loopStart[i];
        sample[i] = predicted + apart;
        noise[i] = (solver[i] - sample[i]) / s;
      });
      return { sample, noise };
    },
  };
  return { denoiser, end: followed };
}

/** Runs an "overwritten" loop that ends at the data. Returns its last state. */
export async function solveOverwritten(
  solver: Solver,
  network: Network,
  prediction: "noise" | "v",
  path: Path,
  sampling: SampleOptions & { initial: Float32Array },
): Promise<Float32Array> {
  const skip = sampling.skip ?? 0;
  if (solver.name === "lms") {
    const { denoiser, end } = overwritten(network, prediction, path, solver.name);
    return Float32Array.from(end(Float64Array.from(await solve(solver, denoiser, sampling))));
  }
  let x = sampling.initial;
  for (let step = skip, of = skip + 1; step < of; step++) {
    const { denoiser, end } = overwritten(network, prediction, path, solver.name);
    const { value } = await solver.sample(denoiser, { ...sampling, initial: x, skip: step }).next();
    of = value.of;
    const alpha = step + 1 < of ? (await firstLevel(solver, path, step + 1)).alpha : 1;
    x = Float32Array.from(
      end(Float64Array.from(value.x, (element: number) => element / alpha)),
      (element) => alpha * element,
    );
  }
  return x;
}

/** x at the start of a pinned loop, in the path's units. */
export async function startOf(loop: PinnedLoop, solver: Solver, path: Path): Promise<Float32Array> {
  const shape = loop.shape ?? dummyShape;
  const [sample, noise] = [dummySample(shape), dummyNoise(shape)];
  const level = await firstLevel(solver, path, loop.skip ?? 0);
  const added = loop.noised ? 1 : 0;
  if (loop.loop === "plain") {
    const kept = loop.noised ? level.alpha : 1;
    return sample.map((value, i) => kept * value + added * level.sigma * noise[i]);
  }
  const most = ratioOf(await firstLevel(solver, path, 0));
  const spread = loop.loop === "scaled" ? Math.sqrt(most * most + 1) : most;
  return sample.map((value, i) => level.alpha * (spread * value + added * ratioOf(level) * noise[i]));
}

/** The normal numbers of torch.randn after torch.manual_seed. */
export function torchNoise(seed: number): (length: number) => Float32Array {
  const generator = new TorchGenerator(seed);
  return (length) => generator.randn(length);
}
