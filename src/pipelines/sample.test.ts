import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { TorchGenerator } from "../core/torch-random.ts";
import { ddim } from "../diffusion/solvers/ddim.ts";
import type { Solver } from "../diffusion/solvers/solver.ts";
import { straightLine } from "../diffusion/straight-line.ts";
import { CompiledNetwork } from "../models/compiled.ts";
import { UNet } from "../models/unet.ts";
import { unetInitialisations } from "../models/unet-blocks.ts";
import type { UNetOptions } from "../models/unet-config.ts";
import { Weights } from "../nn/weights.ts";
import { nodeRuntime } from "../runtime/node/session.ts";
import { type SampleRequest, sample, sampleSteps } from "./sample.ts";

const tiny: UNetOptions = {
  sample_size: 4,
  in_channels: 1,
  out_channels: 1,
  block_out_channels: [4],
  layers_per_block: 1,
  down_block_types: ["DownBlock2D"],
  up_block_types: ["UpBlock2D"],
  attention_head_dim: null,
  norm_num_groups: 2,
};

function requestOf(options: Partial<UNetOptions>, given: Partial<SampleRequest> = {}): SampleRequest {
  const initialisation = given.classLabel === undefined ? unetInitialisations.ddpm : unetInitialisations.torch;
  const network = new UNet({ ...tiny, ...options }, initialisation);
  return {
    network,
    weights: Weights.initial(network, 0),
    objective: { path: straightLine(), prediction: "flow" },
    runtime: nodeRuntime(),
    threads: 1,
    solver: ddim({ steps: 3, clip: false }),
    count: 3,
    seed: 7,
    ...given,
  };
}

const furthest = (a: Float32Array, b: Float32Array) => Math.max(...a.map((value, i) => Math.abs(value - b[i])));

describe("sample", () => {
  it("leaves the noise as it is when the predicted flow is zero", async () => {
    // DDPM's initialisation ends the network in weights of about 1e-5, and dx/dt = 0 moves nothing.
    const { images, shape } = await sample(requestOf({}));
    expect(shape).toEqual([3, 1, 4, 4]);
    for (let i = 0; i < 3; i++) {
      const noise = Random.from(7, "sample", i).normals(16);
      expect(furthest(images.subarray(i * 16, (i + 1) * 16), noise)).toBeLessThan(1e-3);
    }
  });

  it("draws the same pictures in any batch, and tells how far it is", async () => {
    const done: string[] = [];
    const request = requestOf({}, { count: 5 });
    const whole = await sample(request);
    const parts = await sample({ ...request, batch: 2, onStep: (step, of) => done.push(`${step}/${of}`) });
    expect(parts.images).toHaveLength(5 * 16);
    expect(furthest(whole.images, parts.images)).toBeLessThan(1e-5);
    expect(done).toEqual(["1/9", "2/9", "3/9", "4/9", "5/9", "6/9", "7/9", "8/9", "9/9"]);
  });

  it("guides by the last row of the class table, linearly in the scale", async () => {
    // One Euler step from t = 1: x' = x - flow(x), so images are linear in the guidance scale.
    const request = requestOf({ num_class_embeds: 3 }, { classLabel: 1, solver: ddim({ steps: 1, clip: false }) });
    const draw = async (given: Partial<SampleRequest>) => (await sample({ ...request, ...given })).images;
    const conditional = await draw({});
    const unconditional = await draw({ classLabel: 2 });
    const guided = await draw({ guidance: 3 });
    expect(furthest(conditional, unconditional)).toBeGreaterThan(1e-3);
    expect(furthest(await draw({ guidance: 0 }), unconditional)).toBeLessThan(1e-4);
    const expected = unconditional.map((u, i) => u + 3 * (conditional[i] - u));
    expect(furthest(guided, expected)).toBeLessThan(1e-4);
  });

  it("shows the classes in turn unless it is told one", async () => {
    const request = requestOf({ num_class_embeds: 3 }, { classLabel: [0, 1] });
    const { images } = await sample(request);
    const turns = await sample({ ...request, classLabel: undefined, batch: 2 });
    expect(furthest(images, turns.images)).toBeLessThan(1e-5);
  });

  it("uses the prediction alone of a network with learned variances", async () => {
    const { images } = await sample(requestOf({ out_channels: 2 }));
    expect(images).toHaveLength(3 * 16);
  });

  it("begins where it is told, in any batch", async () => {
    const initial = new TorchGenerator(0).randn(5 * 16);
    const { images } = await sample(requestOf({}, { count: 5, initial, batch: 2 }));
    // A predicted flow of zero moves nothing.
    expect(furthest(images, initial)).toBeLessThan(1e-3);
    await expect(sample(requestOf({}, { count: 5, initial: initial.subarray(1) }))).rejects.toThrow("80 numbers for 5");
  });

  it("stops between two steps", async () => {
    const controller = new AbortController();
    const request = requestOf({}, { signal: controller.signal, onStep: () => controller.abort(new Error("enough")) });
    await expect(sample(request)).rejects.toThrow("enough");
  });

  it("hands learned variances to the solver: the second half of the network's channels", async () => {
    const seen: { prediction: Float32Array; variance?: Float32Array; x: Float32Array }[] = [];
    const solver: Solver = {
      ...ddim({ steps: 3, clip: false }),
      async *sample(denoiser, { shape }) {
        const x = Random.from(5).normals(shape.reduce((a, b) => a * b, 1));
        // On the straight line at t = 0.5, flow = eps - x0 is the difference of the two.
        const { sample, noise, variance } = await denoiser.denoise(x, 0.5);
        seen.push({ prediction: noise.map((value, i) => value - sample[i]), variance, x });
        yield { step: 1, of: 1, t: 0, x, sample };
      },
    };
    const request = requestOf({ in_channels: 2, out_channels: 4 }, { solver, count: 3 });
    const network = new UNet({ ...tiny, in_channels: 2, out_channels: 4 }, unetInitialisations.torch);
    const weights = Weights.initial(network, 0);
    await sample({ ...request, network, weights });
    await using compiled = new CompiledNetwork(network, weights, nodeRuntime(), { threads: 1 });
    const whole = await compiled.predict(seen[0].x, 500); // [3, 4, 4, 4]
    const half = (which: 0 | 1) => whole.filter((_, i) => Math.floor(i / 32) % 2 === which);
    expect(furthest(seen[0].prediction, half(0))).toBeLessThan(1e-5);
    expect(furthest(seen[0].variance!, half(1))).toBe(0);
    expect(furthest(half(0), half(1))).toBeGreaterThan(0.01);
  });

  it("refuses what does not fit", async () => {
    await expect(sample(requestOf({}, { count: 0 }))).rejects.toThrow(ConfigError);
    await expect(sample(requestOf({}, { batch: 1.5 }))).rejects.toThrow(/batch must be a whole number/);
    await expect(sample(requestOf({}, { classLabel: 1 }))).rejects.toThrow(/no classes/);
    await expect(sample(requestOf({}, { guidance: 2 }))).rejects.toThrow(/needs a network with classes/);
    await expect(sample(requestOf({ num_class_embeds: 3 }, { classLabel: 3 }))).rejects.toThrow(/0 to 2/);
  });
});

describe("sampleSteps", () => {
  it("shows every step, and ends where sample ends", async () => {
    const request = requestOf({});
    const steps = [];
    for await (const step of sampleSteps(request)) steps.push(step);
    expect(steps.map(({ step, of }) => [step, of])).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
    expect(furthest(steps[2].x, (await sample(request)).images)).toBe(0);
  });
});
