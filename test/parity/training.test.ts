/**
 * Twenty steps of Adam, and of AdamW with clipping, beside PyTorch: the same weights, images, times and noise.
 *
 * Goldens: training/, made by make_training.py (which names the versions) in float64 from float32 files. PyTorch's own
 * float32 runs differ from them by what stands under `float32` there: losses by up to 1.7e-7, weights by 5.4e-6. Ours:
 * losses 2e-7, gradient norms 8e-7, weights 1.2e-5, their average 2.2e-6.
 */
import { describe, expect, it } from "vitest";
import { linear, vp } from "../../src/diffusion/index.ts";
import { Weights } from "../../src/nn/weights.ts";
import { adamScalars } from "../../src/optim/adam.ts";
import { nodeRuntime } from "../../src/runtime/node/session.ts";
import type { Coefficients } from "../../src/train/losses/simple.ts";
import { loadModel } from "../../src/train/model-folder.node.ts";
import { initialState, type StateSlabs } from "../../src/train/state.ts";
import { compileStep } from "../../src/train/step.ts";
import { goldenPath, largestDifference, readGoldenJson, readGoldenTensors } from "./golden.ts";

interface Golden {
  settings: {
    weightDecay: number;
    clipNorm: number | null;
    steps: number;
    learningRate: number;
    betas: [number, number];
    eps: number;
    emaDecay: number;
    diffusionSteps: number;
    betaStart: number;
    betaEnd: number;
  };
  losses: number[];
  gradNorms: number[];
  /** Weights of which the gradient is zero, and Adam's step therefore rounding noise. */
  undetermined: string[];
}

const inputs = readGoldenTensors("training/inputs.safetensors");
const images = inputs.get("images")!.data as Float32Array;
const times = inputs.get("times")!.data as Int32Array;
const noise = inputs.get("noise")!.data as Float32Array;

/** The run of a golden; with `accumulate` 2, as twice two images. */
async function run(name: string, accumulate: 1 | 2) {
  const golden = readGoldenJson<Golden>(`training/${name}.golden.json`);
  const { settings } = golden;
  const { network, weights: initial } = await loadModel(goldenPath("training/initial"));
  const path = vp(linear({ timesteps: settings.diffusionSteps, start: settings.betaStart, end: settings.betaEnd }));
  const { layout, slabs: first } = initialState({ network, steps: 20, seed: 0, lossByNoise: [], initial });
  const [beta1, beta2] = settings.betas;
  const optimiser = { beta1, beta2, epsilon: settings.eps, weightDecay: settings.weightDecay };
  const program = { network, layout, batch: 4 / accumulate, optimiser, clip: settings.clipNorm ?? undefined };
  await using step = await compileStep(program, { runs: accumulate, replicas: 1, threads: 1 }, nodeRuntime());
  const losses: number[] = [];
  const gradNorms: number[] = [];
  let slabs: StateSlabs = first;
  for (let k = 0; k < settings.steps; k++) {
    const t = times.subarray(4 * k, 4 * k + 4);
    const of = (value: (t: number) => number) => Float32Array.from(t, value);
    const feeds = {
      alpha: of(path.alpha),
      sigma: of(path.sigma),
      targetSample: of(() => 0),
      targetNoise: of(() => 1),
      weight: of(() => 1),
      time: of((t) => t),
    } satisfies Coefficients;
    const outputs = await step.run(slabs, {
      images,
      noise: noise.subarray(images.length * k, images.length * (k + 1)),
      feeds,
      dropoutSeeds: new Int32Array(2 * accumulate),
      scalars: { ...adamScalars(k + 1, settings.learningRate, optimiser), emaDecay: settings.emaDecay },
    });
    losses.push(outputs.loss);
    gradNorms.push(outputs.gradientNorm);
    slabs = outputs.next!;
  }
  const differences = (slab: "parameters" | "average", file: string) => {
    const expected = readGoldenTensors(`training/${name}.${file}.safetensors`);
    const found = new Weights(layout, slabs[slab]).tensors();
    expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
    const all = [...found].map(([tensor, { data }]) => {
      return [tensor, largestDifference(data, expected.get(tensor)!.data as Float32Array)] as const;
    });
    const undetermined = new Set(golden.undetermined);
    const worst = (which: boolean) =>
      Math.max(...all.flatMap(([tensor, difference]) => (undetermined.has(tensor) === which ? [difference] : [])));
    return { determined: worst(false), undetermined: worst(true) };
  };
  const relative = (found: number[], expected: number[]) =>
    Math.max(...found.map((value, i) => Math.abs(value - expected[i]) / expected[i]));
  return {
    losses: relative(losses, golden.losses),
    gradNorms: relative(gradNorms, golden.gradNorms),
    final: differences("parameters", "final"),
    average: differences("average", "ema"),
  };
}

describe.each(["adam", "adamw-clip"])("%s", (name) => {
  it.each([
    ["one graph", 1],
    ["two graphs, twice two images", 2],
  ] as const)("%s", async (_, accumulate) => {
    const differences = await run(name, accumulate);
    expect(differences.losses).toBeLessThan(1e-5);
    expect(differences.gradNorms).toBeLessThan(1e-5);
    expect(differences.final.determined).toBeLessThan(2e-5);
    expect(differences.average.determined).toBeLessThan(2e-5);
    // Twenty steps of at most the learning rate, in either direction.
    expect(differences.final.undetermined).toBeLessThan(0.04);
    expect(differences.average.undetermined).toBeLessThan(0.04);
  });
});
