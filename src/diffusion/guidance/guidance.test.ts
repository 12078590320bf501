/**
 * Guidance beyond the classifier-free extrapolation, in closed form: two classes N(±0.6, 0.3²) of equal weight, of which
 * the unconditional, the conditional denoiser and the gradient of log p(y | x) are known at every level.
 */
import { describe, expect, it } from "vitest";
import { ConfigError, NotFiniteError, ShapeError } from "../../core/errors.ts";
import { type Condition, type Denoiser, denoiserOf } from "../denoiser.ts";
import { linear, vp } from "../discrete-vp.ts";
import type { Level, Path } from "../path-contract.ts";
import { ddim } from "../solvers/ddim.ts";
import { ddpm } from "../solvers/ddpm.ts";
import { solve } from "../solvers/solver.ts";
import { straightLine } from "../straight-line.ts";
import { gaussianDenoiser, momentsOf } from "../testing/gaussian.ts";
import { mixtureDenoiser, mixtureScore } from "../testing/mixture.ts";
import { autoguided } from "./autoguidance.ts";
import { classifierGuided, classifierGuidedAncestral, type Guide } from "./classifier.ts";
import { classifierFree, type GuidanceOptions } from "./classifier-free.ts";

const classes = [
  { mean: -0.6, std: 0.3 },
  { mean: 0.6, std: 0.3 },
];
const both = classes.map((one) => ({ ...one, weight: 0.5 }));
const x = Float32Array.of(-1.3, -0.4, 0, 0.2, 0.9, 1.7);
const labels = (count: number, y: number): Condition => ({ classLabels: new Int32Array(count).fill(y) });

/** grad log p(y | x) = score of the class less that of all, one label an image. */
function guide(scale: number): Guide {
  return {
    scale,
    gradient: async (values, level, condition) => {
      const y = condition!.classLabels;
      const size = values.length / y.length;
      return values.map((value, i) => {
        const own = [{ ...classes[y[Math.floor(i / size)]], weight: 1 }];
        return mixtureScore(own, value, level) - mixtureScore(both, value, level);
      });
    },
  };
}

/** A class-conditional model, 2 the null class; images of one number. */
function conditionalModel(path: Path, calls: number[] = []): Denoiser {
  const models = [...classes.map((one) => gaussianDenoiser(one, path)), mixtureDenoiser(both, path)];
  return {
    path,
    async denoise(values, at, condition) {
      calls.push(values.length);
      const all = await Promise.all(models.map((model) => model.denoise(values, at)));
      const pick = (part: "sample" | "noise") => values.map((_, i) => all[condition!.classLabels[i]][part][i]);
      return { sample: pick("sample"), noise: pick("noise") };
    },
  };
}

const nullCondition = { classLabels: Int32Array.of(2) };
const close = (found: ArrayLike<number>, wanted: ArrayLike<number>, digits = 5) => {
  expect(found.length).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++) expect(found[i]).toBeCloseTo(wanted[i], digits);
};

describe.each([
  ["linear", vp(linear()), [5, 200, 600, 999]],
  ["straight", straightLine(), [0.05, 0.4, 0.9]],
] as const)("classifierGuided, %s path", (_, path, times) => {
  it("with the true gradient and scale 1 is the conditional model", async () => {
    const free = mixtureDenoiser(both, path);
    const guided = classifierGuided(free, { guides: guide(1) });
    for (const t of times) {
      for (const y of [0, 1]) {
        const wanted = await gaussianDenoiser(classes[y], path).denoise(x, t);
        const found = await guided.denoise(x, t, labels(6, y));
        close(found.sample, wanted.sample, 4);
        close(found.noise, wanted.noise, 4);
      }
    }
  });

  it("adds scale times the gradient to the score", async () => {
    const free = mixtureDenoiser(both, path);
    const guided = classifierGuided(free, { guides: [guide(0.5), guide(2)] });
    for (const t of times) {
      const level = path.at(t);
      const { sample, noise } = await guided.denoise(x, level, labels(6, 1));
      const score = [...x].map((value) => {
        const [all, own] = [
          mixtureScore(both, value, level),
          mixtureScore([{ ...classes[1], weight: 1 }], value, level),
        ];
        return all + 2.5 * (own - all);
      });
      close(
        noise,
        score.map((value) => -level.sigma * value),
        4,
      );
      // x = alpha sample + sigma noise stays true
      close(
        sample.map((value, i) => level.alpha * value + level.sigma * noise[i]),
        x,
      );
    }
  });

  it("draws the class, with DDIM", async () => {
    const guided = classifierGuided(mixtureDenoiser(both, path), {
      guides: guide(1),
      interval: { t: [-1, times.at(-1)!] },
    });
    const images = await solve(ddim({ steps: 100, clip: false }), guided, {
      shape: [4000, 1],
      seed: 1,
      condition: labels(4000, 1),
    });
    const found = momentsOf(images);
    expect(Math.abs(found.mean - 0.6)).toBeLessThan(0.05); // bias of 100 steps, and the start that is left unguided
    expect(Math.abs(found.std - 0.3)).toBeLessThan(0.05);
  });
});

describe("classifierGuided", () => {
  const path = vp(linear());

  it("keeps the condition from an unconditional model, and passes it to a conditional one", async () => {
    const seen: (Condition | undefined)[] = [];
    const model: Denoiser = {
      path,
      denoise: async (values, _, condition) => {
        seen.push(condition);
        return { sample: values, noise: values };
      },
    };
    const condition = labels(6, 1);
    await classifierGuided(model, { guides: guide(1) }).denoise(x, 5, condition);
    await classifierGuided(model, { guides: guide(1), conditional: true }).denoise(x, 5, condition);
    expect(seen).toEqual([undefined, condition]);
  });

  it("acts in its interval alone", async () => {
    const free = mixtureDenoiser(both, path);
    const guided = classifierGuided(free, { guides: guide(3), interval: { sigma: [0.5, 2] } });
    for (const t of [100, 900]) {
      expect(await guided.denoise(x, t, labels(6, 1))).toEqual(await free.denoise(x, path.at(t)));
    }
    expect((await guided.denoise(x, 300, labels(6, 1))).sample).not.toEqual((await free.denoise(x, 300)).sample);
  });

  it("refuses what does not fit", async () => {
    const free = mixtureDenoiser(both, path);
    const of = (options: object) => () => classifierGuided(free, options as never);
    expect(of({ guides: [] })).toThrow(ConfigError);
    expect(of({ guides: { gradient: 3, scale: 1 } })).toThrow("gradient must be a function");
    expect(of({ guides: { ...guide(1), scale: -1 } })).toThrow("scale must be a finite number from 0");
    expect(of({ guides: guide(1), interval: { sigma: [2, 2] } })).toThrow("is empty");
    expect(of({ guides: guide(1), scale: 2 })).toThrow("unknown option");
    const bad = (values: Float32Array) => ({ guides: { gradient: async () => values, scale: 1 } });
    await expect(classifierGuided(free, bad(new Float32Array(2))).denoise(x, 5)).rejects.toThrow(ShapeError);
    await expect(classifierGuided(free, bad(x.map(() => Number.NaN))).denoise(x, 5)).rejects.toThrow(NotFiniteError);
    const end = classifierGuided(mixtureDenoiser(both, straightLine()), { guides: guide(1) });
    await expect(end.denoise(x, 1, labels(6, 0))).rejects.toThrow(/alpha = 0.*interval/);
  });
});

describe("classifierGuidedAncestral", () => {
  const path = vp(linear());
  const sampling = { shape: [800, 1], seed: 5 };

  it("moves the mean of each step by variance times gradient", async () => {
    const constant: Guide = { gradient: async (values) => values.map(() => 0.7), scale: 2 };
    const few = vp(linear({ timesteps: 6, end: 0.5 }));
    const model = gaussianDenoiser(classes[0], few);
    const options = { clip: false as const, variance: "large" as const };
    const [plain, guided] = [[], []] as Float32Array[][];
    const one = { shape: [1, 3], seed: 1 };
    for await (const { x } of ddpm(options).sample(model, one)) plain.push(x);
    for await (const { x } of classifierGuidedAncestral(options, { guides: constant }).sample(model, one))
      guided.push(x);
    close(
      guided[0],
      plain[0].map((value) => value + few.betas[5] * 1.4),
      6,
    );
    // The last step adds no noise, has no variance, and hence no shift: x0hat of the guided x.
    const last = await model.denoise(guided[4], 0);
    close(guided[5], last.sample, 6);
  });

  it("draws the class, with the true gradient and scale 1", async () => {
    const solver = classifierGuidedAncestral({ clip: false }, { guides: guide(1) });
    expect([solver.name, solver.config]).toEqual(["ddpm", ddpm({ clip: false }).config]);
    const images = await solve(solver, mixtureDenoiser(both, path), { ...sampling, condition: labels(800, 0) });
    const found = momentsOf(images);
    // Five standard errors of 800 numbers; the form is exact as steps become small, and there are 1000.
    expect(Math.abs(found.mean + 0.6)).toBeLessThan((5 * 0.3) / Math.sqrt(800) + 0.005);
    expect(Math.abs(found.std - 0.3)).toBeLessThan((5 * 0.3) / Math.sqrt(1600) + 0.005);
  });
});

describe("classifierFree, rescaled and in an interval", () => {
  const path = straightLine();
  const std = (values: Float32Array) => momentsOf(values).std;

  it("has the guided score of Gaussian classes in closed form", async () => {
    const guided = classifierFree(conditionalModel(path), { scale: 2.5, nullCondition });
    const level = path.at(0.4);
    const { noise } = await guided.denoise(x, level, labels(6, 1));
    const score = [...x].map((value) => {
      const [all, own] = [mixtureScore(both, value, level), mixtureScore([{ ...classes[1], weight: 1 }], value, level)];
      return all + 2.5 * (own - all);
    });
    close(
      noise,
      score.map((value) => -0.4 * value),
      4,
    );
  });

  it.each(["noise", "sample", "v"] as const)("gives each image the spread of its conditional %s", async (rescaleOf) => {
    // Two images of three numbers.
    const network = async (values: Float32Array, _: number, condition?: Condition) =>
      values.map((value, i) => Math.sin(3 * value + condition!.classLabels[Math.floor(i / 3)]));
    const model = denoiserOf(network, path, "flow");
    const condition = { classLabels: Int32Array.of(0, 1) };
    const options = { scale: 4, nullCondition, rescaleOf };
    const level = path.at(0.4);
    const part = ({ sample, noise }: { sample: Float32Array; noise: Float32Array }) =>
      rescaleOf === "v" ? sample.map((x0, i) => 0.6 * noise[i] - 0.4 * x0) : rescaleOf === "noise" ? noise : sample;
    const conditional = part(await model.denoise(x, level, condition));
    const plain = part(await classifierFree(model, options).denoise(x, level, condition));
    const full = await classifierFree(model, { ...options, rescale: 1 }).denoise(x, level, condition);
    const some = part(await classifierFree(model, { ...options, rescale: 0.7 }).denoise(x, level, condition));
    for (const from of [0, 3]) {
      const [wanted, before] = [std(conditional.slice(from, from + 3)), std(plain.slice(from, from + 3))];
      expect(before).not.toBeCloseTo(wanted, 2);
      expect(std(part(full).slice(from, from + 3))).toBeCloseTo(wanted, 5);
      for (let i = from; i < from + 3; i++) {
        expect(some[i]).toBeCloseTo(((0.7 * wanted) / before) * plain[i] + 0.3 * plain[i], 5); // eq. 15 and 16
      }
    }
    close(
      full.sample.map((value, i) => 0.6 * value + 0.4 * full.noise[i]),
      x,
    );
  });

  it("costs one call outside of its interval, (low, high] of sigma / alpha or of t", async () => {
    const calls: number[] = [];
    const model = conditionalModel(path, calls);
    const on = async (interval: GuidanceOptions["interval"], t: number) => {
      calls.length = 0;
      await classifierFree(model, { scale: 3, nullCondition, interval }).denoise(x, t, labels(6, 1));
      return calls[0] === 12;
    };
    // sigma / alpha is 0.25 at 0.2, 1 at 0.5, 4 at 0.8
    const sigma = [1, 4] as const;
    expect([
      await on({ sigma }, 0.2),
      await on({ sigma }, 0.5),
      await on({ sigma }, 0.51),
      await on({ sigma }, 0.79),
    ]).toEqual([false, false, true, true]);
    expect(await on({ sigma }, 0.81)).toBe(false);
    const t = [0.2, 0.5] as const;
    expect([await on({ t }, 0.2), await on({ t }, 0.3), await on({ t }, 0.5), await on({ t }, 0.6)]).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(await on({ sigma: [0.3, Infinity] }, 1)).toBe(true);
    const outside = await classifierFree(model, { scale: 3, nullCondition, interval: { t } }).denoise(
      x,
      0.6,
      labels(6, 1),
    );
    expect(outside).toEqual(await model.denoise(x, 0.6, labels(6, 1)));
  });

  it("keeps the variance that the conditional half learned", async () => {
    const model = denoiserOf(
      async (values, _, condition) => ({
        prediction: values,
        variance: values.map((_, i) => condition!.classLabels[i]),
      }),
      path,
      "flow",
    );
    const { variance } = await classifierFree(model, { scale: 3, nullCondition }).denoise(x, 0.5, labels(6, 1));
    expect([...variance!]).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it.each([
    [{ interval: { sigma: [3, 3] } }, "is empty"],
    [{ interval: { t: [0.9, 0.1] } }, "is empty"],
    [{ interval: { sigma: [0, 1], t: [0, 1] } }, "interval must be"],
    [{ interval: [0, 1] }, "interval must be"],
    [{ interval: { t: [0, Number.NaN] } }, "interval must be"],
    [{ rescale: 1.5 }, "rescale must be"],
    [{ rescaleOf: "image" }, "rescaleOf must be"],
  ])("refuses %j", (options, message) => {
    const make = () => classifierFree(conditionalModel(path), { scale: 2, nullCondition, ...(options as object) });
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(message);
  });

  it("says where a rescaled noise or sample has no answer", async () => {
    const of = (rescaleOf: "noise" | "sample" | "v", t: number) =>
      classifierFree(conditionalModel(path), { scale: 2, nullCondition, rescale: 0.7, rescaleOf }).denoise(
        x,
        { ...path.at(t) } as Level,
        labels(6, 1),
      );
    await expect(of("noise", 1)).rejects.toThrow(/alpha = 0.*"v"/);
    await expect(of("sample", 0)).rejects.toThrow(/sigma = 0/);
    expect((await of("v", 1)).sample.every(Number.isFinite)).toBe(true);
  });
});

describe("autoguided", () => {
  const path = vp(linear());
  const [strong, weak] = [
    gaussianDenoiser({ mean: 0.3, std: 0.5 }, path),
    gaussianDenoiser({ mean: 0.1, std: 0.9 }, path),
  ];

  it("extrapolates from the weak model through the strong one", async () => {
    for (const t of [10, 400, 990]) {
      const level = path.at(t);
      const { sample, noise } = await autoguided(strong, weak, { scale: 2.2 }).denoise(x, t);
      const mean = (m: number, s: number, value: number) =>
        m + (level.alpha * s * s * (value - level.alpha * m)) / ((level.alpha * s) ** 2 + level.sigma ** 2);
      close(
        sample,
        [...x].map((value) => mean(0.1, 0.9, value) + 2.2 * (mean(0.3, 0.5, value) - mean(0.1, 0.9, value))),
        4,
      );
      close(
        sample.map((value, i) => level.alpha * value + level.sigma * noise[i]),
        x,
      );
    }
  });

  it("is the strong model at scale 1 and outside of its interval, the weak one at scale 0", async () => {
    const plain = await strong.denoise(x, 400);
    expect(await autoguided(strong, weak, { scale: 1 }).denoise(x, 400)).toEqual(plain);
    expect(await autoguided(strong, weak, { scale: 3, interval: { t: [500, 900] } }).denoise(x, 400)).toEqual(plain);
    close((await autoguided(strong, weak, { scale: 0 }).denoise(x, 400)).sample, (await weak.denoise(x, 400)).sample);
  });

  it("refuses models of two paths, and scales that are none", () => {
    const other = gaussianDenoiser({ mean: 0, std: 1 }, straightLine());
    expect(() => autoguided(strong, other, { scale: 2 })).toThrow(/two models of one path.*linear.*straightLine/);
    expect(() => autoguided(strong, weak, { scale: -1 })).toThrow(ConfigError);
    expect(() => autoguided(strong, weak, { scale: 2, interval: { t: [5, 5] } })).toThrow("is empty");
  });
});
