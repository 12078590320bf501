/**
 * The VDM loss with the exact denoiser of normal data, whose value is known in closed form and depends on the ends of
 * gamma alone; its decoder beside a softmax over all values; the gradients of a learned gamma beside differences.
 */
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import type { Shape } from "../../core/shape.ts";
import { learned } from "../../diffusion/learned.ts";
import { objectiveFrom } from "../../diffusion/objective.ts";
import { graphOf } from "../../graph/graph.ts";
import { add, constant, div, mul, reshape, sigmoid, sqrt, tanh } from "../../graph/ops.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { ImageNetwork, type NetworkInputs } from "../../models/network.ts";
import { normal } from "../../nn/initialise.ts";
import { Parameter, traceWith } from "../../nn/module.ts";
import { Weights } from "../../nn/weights.ts";
import { evaluate } from "../../runtime/reference/session.ts";
import { gradientsProgram } from "../programs.ts";
import { initialState, type TrainingState, trainedLayout } from "../state.ts";
import { lossesOf, stepOf } from "../testing/loss.ts";
import { Gamma } from "./gamma.ts";
import { perImage } from "./loss.ts";
import { lossOf } from "./registry.ts";

const [START, END] = [-10, 4];
const wavy = {
  inner: [9, 5, 14],
  innerBias: [5, 0, -9],
  outer: [6, 3, 9],
};

/** The learned path with a network between the ends, scaled so that it ends where the straight one does. */
function bent(factor: number) {
  const raw = learned({ offset: 0, slope: 1, ...wavy, outer: wavy.outer.map((w) => w * factor) });
  const [low, high] = [raw.gamma(0).gamma, raw.gamma(1).gamma];
  const scale = (END - START) / (high - low);
  const outer = wavy.outer.map((w) => w * factor * scale);
  return { name: "learned", offset: START - scale * low, slope: scale, ...wavy, outer, networkRange: [START, END] };
}

const straight = { name: "learned", offset: START, slope: END - START, networkRange: [START, END] };
/** Fast at the beginning, then slow. */
const uneven = bent(20);

/** E[eps | z] for data N(0, s²): sigma z / (alpha² s² + sigma²), with gamma out of the time that a network is fed. */
const exact = (s: number) => (z: Tensor, time: Tensor) => {
  const gamma = add(mul(time, (END - START) / 1000), START);
  const noiseShare = sigmoid(gamma); // sigma²
  const variance = add(mul(add(mul(noiseShare, -1), 1), s * s), noiseShare);
  return mul(z, perImage(div(sqrt(noiseShare), variance)));
};

describe("the value", () => {
  const s = 0.5;
  const count = 4000;
  const imageShape = [1, 1, 2];
  // Of exactly the moments that they have in the mean, and orthogonal, in every image: only the mean over t is left.
  const images = Float32Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? s * Math.SQRT2 : 0));
  const noise = Float32Array.from({ length: 2 * count }, (_, i) => (i % 2 === 1 ? Math.SQRT2 : 0));

  /** Bits per number: prior, reconstruction, and the integral of ½ gamma' E|eps - E eps|² over t. */
  function closedForm(start: number, end: number) {
    const antiderivative = (gamma: number) => (gamma - Math.log(s * s + Math.exp(gamma))) / 2;
    const share = 1 / (1 + Math.exp(-end));
    const prior = ((1 - share) * s * s + share - 1 - Math.log(share)) / 2;
    const recon = (Math.log(2 * Math.PI) + start + 1) / 2;
    return (antiderivative(end) - antiderivative(start) + prior + recon) / Math.LN2;
  }

  /** The mean loss, and the largest part of it that one image has. */
  async function measured(path: object) {
    const objective = objectiveFrom({
      path,
      prediction: "noise",
      time: { name: "stratified" },
      loss: { name: "vdm", decoder: "gaussian" },
    });
    const { losses } = await lossesOf(lossOf(objective), stepOf({ images, noise, imageShape }), exact(s));
    return {
      mean: losses.reduce((a, b) => a + b) / count,
      spread: (Math.max(...losses) - Math.min(...losses)) / count,
    };
  }

  it("is the closed form, and the same for every way between the same ends", async () => {
    const spreads: number[] = [];
    for (const path of [straight, bent(1), uneven]) {
      const { mean, spread } = await measured(path);
      // The rule of equal steps is off by no more than one step's part per monotone piece of the integrand.
      expect(Math.abs(mean - closedForm(START, END))).toBeLessThan(8 * spread);
      expect(spread).toBeLessThan(0.05);
      spreads.push(spread);
    }
    expect(spreads[2]).toBeGreaterThan(1.4 * spreads[0]); // they are different ways
  });

  it("is that of its ends", async () => {
    const [start, end] = [-1, 2];
    const { mean, spread } = await measured({ ...straight, offset: start, slope: end - start });
    expect(Math.abs(mean - closedForm(start, end))).toBeLessThan(2 * spread);
    expect(Math.abs(mean - closedForm(START, END))).toBeGreaterThan(100 * spread);
  });
});

describe("the decoder of pixels", () => {
  it("is the softmax over all 256 values", async () => {
    const path = { ...straight, offset: -9, slope: 13, networkRange: [-9, END] };
    const imageShape = [1, 2, 4];
    const values = [0, 1, 100, 128, 254, 255, 30, 200];
    const images = Float32Array.from(values, (k) => (2 * k) / 255 - 1);
    const noise = Random.from(3).normals(8);
    const step = stepOf({ images, noise, imageShape });
    const value = async (options: object) => {
      const objective = objectiveFrom({ path, prediction: "noise", loss: { name: "vdm", ...options } });
      return (await lossesOf(lossOf(objective), step, (z) => z)).losses[0];
    };
    // The rest of the loss is the same: the difference is that of the decoders.
    const found = (await value({})) - (await value({ decoder: "gaussian" }));
    const ratio = Math.exp(-9 / 2);
    const expected = [...images].map((x, i) => {
      const z = x + noise[i] * ratio;
      const logits = Array.from({ length: 256 }, (_, k) => -0.5 * ((z - ((2 * k) / 255 - 1)) / ratio) ** 2);
      const normaliser = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
      const gaussian = (Math.log(2 * Math.PI) - 9 + noise[i] ** 2) / 2;
      return (normaliser - logits[values[i]] - gaussian) / Math.LN2;
    });
    expect(found).toBeCloseTo(expected.reduce((a, b) => a + b) / 8, 4);
  });

  it("says when it would leave out values that matter", async () => {
    const objective = objectiveFrom({ path: { ...straight, offset: -5, slope: 9 }, prediction: "noise", loss: "vdm" });
    const step = stepOf({ images: new Float32Array(4), noise: new Float32Array(4), imageShape: [1, 2, 2] });
    await expect(lossesOf(lossOf(objective), step, (z) => z)).rejects.toThrow(
      /gamma0 = -5 .* more than 24 values .* set neighbours to 95 or more/,
    );
  });
});

/** Two numbers are all that it learns. */
class Affine extends ImageNetwork {
  readonly gain = new Parameter([1], normal(1));
  readonly shift = new Parameter([1], normal(1));
  readonly imageShape: Shape = [1, 2, 2];
  readonly outputChannels = 1;
  readonly classes = undefined;

  protected override forward({ sample, time }: NetworkInputs): Tensor {
    const angle = perImage(mul(time, 1e-3));
    const one = (values: Tensor) => reshape(values, []);
    return add(mul(tanh(mul(sample, one(this.gain.value))), add(angle, 0.5)), mul(angle, one(this.shift.value)));
  }
}

describe("a learned gamma", () => {
  const hidden = 6;
  const fresh = (kind: "scalar" | "network", ends = true) => {
    const objective = objectiveFrom({
      path: straight,
      prediction: "noise",
      time: { name: "stratified" },
      loss: { name: "vdm", gamma: kind, hidden, ends, decoder: "gaussian" },
    });
    return { objective, loss: lossOf(objective) };
  };

  it("begins where its path does, rises for any weights, and is read out as the path that it is", () => {
    const module = new Gamma({ start: START, end: END }, hidden);
    const t = [0, 0.2, 0.5, 0.77, 1];
    for (const seed of [0, 1, 2]) {
      const { layout, slabs } = Weights.initial(module, seed);
      const noisy = Random.from(seed, "moved").normals(slabs[0].length);
      const weights = new Weights(layout, [slabs[0].map((value, i) => value + (seed === 0 ? 0 : noisy[i]))]);
      const path = learned(module.read(weights, ""));
      const at = traceWith({ parameters: weights.constants() }, () => module.call(constant(t)));
      const { start, end, u, slope } = evaluate(graphOf({ ...at }), {}, "float64");
      if (seed === 0) expect([start[0], end[0]]).toEqual([START, END]);
      t.forEach((time, i) => {
        const gamma = start[0] + (end[0] - start[0]) * u[i];
        expect(path.gamma(time).gamma).toBeCloseTo(gamma, 5);
        expect(path.gamma(time).dGamma / ((end[0] - start[0]) * slope[i])).toBeCloseTo(1, 5);
        expect(path.networkTime(time)).toBeCloseTo(1000 * u[i], 4);
        expect(slope[i]).toBeGreaterThan(0);
      });
      const h = 1e-4;
      expect((path.gamma(0.3 + h).gamma - path.gamma(0.3 - h).gamma) / (2 * h)).toBeCloseTo(path.gamma(0.3).dGamma, 3);
    }
  });

  it.each([
    ["scalar", true],
    ["network", true],
    ["network", false],
  ] as const)(
    "%s, ends %s: the ends and the network follow the bound, the way between the square",
    async (kind, ends) => {
      const { loss } = fresh(kind, ends);
      const network = new Affine();
      const batch = 6;
      const { layout, slabs } = initialState({ network, steps: 1, seed: 1, lossByNoise: [], module: loss.module });
      // Away from the beginning, where the way between is straight.
      const parameters = slabs.parameters[0].map((value, i) => (i < 2 ? value : value + 0.3 * Math.sin(5 * i)));
      const random = Random.from(2);
      const step = stepOf({
        images: random.normals(batch * 4).map((x) => 0.5 * x),
        noise: random.normals(batch * 4),
        imageShape: network.imageShape,
        state: { layout, slabs: { ...slabs, parameters: [parameters] } } as unknown as TrainingState,
      });
      const { feeds } = await loss.draw(step);
      const graph = gradientsProgram({ network, layout, batch, optimiser: {}, loss });
      const fed = { ...feeds, images: step.images, noise: step.noise };
      const run = (values: ArrayLike<number>) => evaluate(graph, { ...fed, "parameters.0": values }, "float64");
      /** Mean loss, and the mean square of its diffusion part: the rest depends on the ends and the images. */
      const meanLoss = (values: ArrayLike<number>) => run(values).loss[0];
      const width = (values: ArrayLike<number>) => (END - START) * Math.exp(values[3]);
      const meanSquare = (values: Float64Array) => {
        const start = START + (END - START) * values[2];
        const share = 1 / (1 + Math.exp(-(start + width(values))));
        const { losses } = run(values);
        const squares = [...losses].map((value, n) => {
          const pixels = Array.from({ length: 4 }, (_, i) => {
            const [x, eps] = [step.images[4 * n + i], step.noise[4 * n + i]];
            const prior = ((1 - share) * x * x + share - 1 - Math.log(share)) / 2;
            return prior + (Math.log(2 * Math.PI) + start + eps * eps) / 2;
          });
          const diffusion = value - pixels.reduce((a, b) => a + b) / 4 / Math.LN2;
          return diffusion ** 2;
        });
        return squares.reduce((a, b) => a + b) / batch;
      };
      const found = run(parameters)["gradient.0"];
      const slopeOf = (of: (values: Float64Array) => number, i: number) => {
        const moved = (by: number) => of(Float64Array.from(parameters, (value, k) => value + (k === i ? by : 0)));
        return (8 * (moved(1e-4) - moved(-1e-4)) - (moved(2e-4) - moved(-2e-4))) / (12 * 1e-4);
      };
      const { entries } = trainedLayout(network, loss.module);
      entries.forEach(({ name, offset, shape }) => {
        for (let i = offset; i < offset + shape[0]; i++) {
          const interior = name.startsWith("loss.interior");
          const isEnd = name === "loss.start" || name === "loss.width";
          const expected = isEnd && !ends ? 0 : slopeOf(interior ? meanSquare : meanLoss, i);
          expect(Math.abs(found[i] - expected), `${name} ${i}: ${found[i]} beside ${expected}`).toBeLessThan(
            1e-6 * Math.max(1, Math.abs(expected)),
          );
          if (!isEnd) expect(found[i], name).not.toBe(0);
        }
      });
      expect(layout.entries.map(({ name }) => name).slice(0, 4)).toEqual([
        "network.gain",
        "network.shift",
        "loss.start",
        "loss.width",
      ]);
    },
  );
});

describe("what does not fit", () => {
  const base = { path: straight, prediction: "noise", loss: "vdm" };
  it.each([
    [{ ...base, path: { name: "cosine" } }, /of continuous time, not of the 1000 timesteps of cosine/],
    [{ ...base, path: { name: "straightLine" } }, /log-SNR that is finite at both ends/],
    [{ ...base, path: { name: "ve" } }, /needs alpha² \+ sigma² = 1, which the path ve/],
    [{ ...base, prediction: "sample" }, /predict noise or v, not sample/],
    [{ ...base, time: { name: "logitNormal" } }, /uniform over the path, not .*logitNormal/],
    [{ ...base, time: { name: "uniformContinuous", from: 0.1, to: 1 } }, /uniform over the path/],
    [{ ...base, weight: "minSnr" }, /weighted by the path alone, not by minSnr/],
    [{ ...base, loss: { name: "vdm", neighbours: 256 } }, /neighbours must be below levels/],
    [{ ...base, loss: { name: "vdm", gamma: "nnet" } }, /gamma must be "fixed" or "scalar" or "network"/],
  ])("%j", (config, message) => {
    expect(() => lossOf(objectiveFrom(config))).toThrow(ConfigError);
    expect(() => lossOf(objectiveFrom(config))).toThrow(message);
  });
});
