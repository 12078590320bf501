import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { betas, cosine, type DiscreteVp, linear, respacedBetas, scaledLinear, vp } from "./discrete-vp.ts";
import { noised } from "./noising.ts";
import { pathFrom } from "./path.ts";
import { straightLine } from "./straight-line.ts";

/** Equal to the digits that the golden number has. */
function toDigits(actual: number, golden: number, digits: number) {
  expect(Math.abs(actual / golden - 1)).toBeLessThan(0.51 * 10 ** (1 - digits));
}

// alphaBar at t = 0, 1, 250, 500, 750, 999 and sigma / alpha at t = 0, 500, 999 for T = 1000, computed with NumPy in float64
// from the formulas of the papers.
const tables: [string, DiscreteVp, number[], number[]][] = [
  [
    "linear",
    vp(linear()),
    [0.9999, 0.99978, 0.521423, 0.0777967, 0.00330016, 4.03583e-5],
    [0.0100005, 3.44297, 157.407],
  ],
  [
    "scaledLinear",
    vp(scaledLinear()),
    [0.99915, 0.998296, 0.673793, 0.276333, 0.0561698, 0.0046601],
    [0.0291672, 1.61828, 14.6146],
  ],
  [
    "cosine",
    vp(cosine()),
    [0.999959, 0.999913, 0.845888, 0.492285, 0.143179, 2.42877e-9],
    [0.00642541, 1.01555, 20291],
  ],
];

describe("discrete variance-preserving schedules", () => {
  it.each(tables)("%s has the alphaBar of its paper", (_, path, alphaBars, sigmas) => {
    [0, 1, 250, 500, 750, 999].forEach((t, i) => {
      expect(path.alphaBar(t)).toBeCloseTo(alphaBars[i], 5);
      toDigits(path.alphaBar(t), alphaBars[i], t < 2 ? 5 : 6);
    });
    [0, 500, 999].forEach((t, i) => {
      toDigits(path.sigma(t) / path.alpha(t), sigmas[i], i === 2 ? 5 : 6);
    });
  });

  it("keeps alpha² + sigma² = 1, and noise rises", () => {
    for (const [, path] of tables) {
      for (let t = 0; t < 1000; t++) {
        expect(path.alpha(t) ** 2 + path.sigma(t) ** 2).toBeCloseTo(1, 14);
        expect(path.alphaBar(t)).toBeLessThan(path.alphaBarPrevious(t));
      }
    }
  });

  it("has the posterior variance of DDPM", () => {
    const path = vp(linear());
    expect(path.posteriorVariance(0)).toBe(0);
    toDigits(path.posteriorVariance(1), 5.45319e-5, 6);
    // The prior term of the bound, for E x0² = 1, in bits a dimension.
    const kl = (-1 - Math.log(1 - path.alphaBar(999)) + 1 - path.alphaBar(999) + path.alphaBar(999)) / 2 / Math.LN2;
    toDigits(kl, 2.91e-5, 3);
  });

  it("respaces: the betas of the linear schedule at stride 100", () => {
    const path = vp(linear());
    const kept = Array.from({ length: 10 }, (_, i) => 100 * i);
    const respaced = respacedBetas(path, kept);
    toDigits(respaced[0], 1e-4, 6);
    [0.10477, 0.26677].forEach((golden, i) => {
      toDigits(respaced[i + 1], golden, 5);
    });
    toDigits(respaced[9], 0.82074, 5);
    // The marginals stay: running the respaced chain gives the kept alphaBars.
    const chain = vp(betas({ values: respaced }));
    kept.forEach((t, i) => {
      expect(chain.alphaBar(i)).toBeCloseTo(path.alphaBar(t), 13);
    });
    expect(() => respacedBetas(path, [5, 5])).toThrow(ConfigError);
  });

  it("keeps every timestep when nothing is left out", () => {
    const path = vp(cosine({ timesteps: 50 }));
    respacedBetas(
      path,
      Array.from({ length: 50 }, (_, t) => t),
    ).forEach((beta, t) => {
      expect(beta).toBeCloseTo(path.betas[t], 12);
    });
  });
});

describe("zero terminal SNR", () => {
  const path = vp(scaledLinear({ zeroTerminalSnr: true }));

  it("has the alphaBar of the rescaled schedule of Stable Diffusion", () => {
    toDigits(path.alphaBar(500), 0.241019, 6);
    toDigits(path.alphaBar(998), 1.96789e-7, 6);
    expect(path.alphaBar(999)).toBe(0);
    expect(path.alphaBar(0)).toBe(vp(scaledLinear()).alphaBar(0));
    expect(path.betas[999]).toBe(1);
  });

  it("leaves a table that ends in pure noise as it is", () => {
    const values = [0.1, 0.3, 1];
    const [plain, rescaled] = [vp(betas({ values })), vp(betas({ values, zeroTerminalSnr: true }))];
    for (const t of [0, 1, 2]) expect(rescaled.alphaBar(t)).toBeCloseTo(plain.alphaBar(t), 15);
  });

  it("is finite at every timestep, and alpha falls evenly in the last interval", () => {
    for (const on of [path, vp(betas({ values: [0.1, 0.2, 1] })), vp(betas({ values: [1] }))]) {
      const last = on.timesteps - 1;
      for (let t = 0; t <= last; t++) {
        const { alpha, sigma, dAlpha, dSigma } = on.at(t);
        expect([alpha, sigma, dAlpha, dSigma].every(Number.isFinite)).toBe(true);
        expect(alpha ** 2 + sigma ** 2).toBeCloseTo(1, 14);
      }
      expect([on.alpha(last), on.sigma(last), on.logSnr(last)]).toEqual([0, 1, -Infinity]);
      expect(on.timeOfLogSnr(-Infinity)).toBe(last);
    }
    expect(path.alpha(998.25)).toBeCloseTo(0.75 * path.alpha(998), 15);
    expect(path.alpha(998.25) ** 2 + path.sigma(998.25) ** 2).toBeCloseTo(1, 14);
    expect(path.alpha(998 + 1e-9)).toBeCloseTo(path.alpha(998), 11);
    expect(path.alpha(999 - 1e-9)).toBeCloseTo(0, 11);
    expect([path.drift(999), path.diffusion(999)]).toEqual([-Infinity, Infinity]);
  });
});

describe("betas of one's own", () => {
  it("may stay, fall by rounding, and fall when that is meant", () => {
    expect(betas({ values: [0.1, 0.1, 0.1 - 1e-12] }).values).toEqual(Float64Array.of(0.1, 0.1, 0.1 - 1e-12));
    const falling = vp(betas({ values: [0.3, 0.1], allowFalling: true }));
    expect(falling.alphaBar(1)).toBeCloseTo(0.63, 15);
    expect(falling.toJSON()).toEqual({ name: "betas", values: [0.3, 0.1], allowFalling: true });
  });
});

describe("paths", () => {
  it("is a straight line", () => {
    const path = straightLine();
    expect([path.alpha(0), path.sigma(0), path.alpha(1), path.sigma(1)]).toEqual([1, 0, 0, 1]);
    expect([path.alpha(0.25), path.sigma(0.25), path.networkTime(0.25)]).toEqual([0.75, 0.25, 250]);
    expect(path.timesteps).toBeUndefined();
    expect(straightLine({ networkTime: "1-t" }).networkTime(0.25)).toBe(0.75);
  });

  it("noises in closed form", () => {
    const x = noised(Float32Array.of(1, -1), Float32Array.of(0.5, 2), straightLine(), 0.25);
    expect([...x]).toEqual([0.875, -0.25]);
    expect(() => noised(new Float32Array(2), new Float32Array(3), straightLine(), 0)).toThrow(
      "2 numbers and the noise 3",
    );
  });

  it.each([
    [{ name: "cosin" }, 'unknown path "cosin". Did you mean cosine'],
    [{ name: "cosine", timestep: 10 }, 'unknown option "timestep". Did you mean timesteps'],
    [{ name: "cosine", timesteps: 0 }, "timesteps must be an integer from 1"],
    [{ name: "linear", start: 0 }, "start must be a finite number above 0 and below 1, not 0"],
    [{ name: "linear", end: Number.NaN }, "not NaN"],
    [{ name: "straightLine", timesteps: 10 }, 'unknown option "timesteps". Known: networkTime'],
    [{ name: "betas", values: [0.1, 1, 0.1] }, "values[1] must be above 0 and below 1"],
    [{ name: "betas", values: [] }, "at least one beta"],
    [{ name: "betas", values: [0.1, 0.2, 0.1] }, "values[2] = 0.1 is below values[1] = 0.2; put them in order"],
    [{ name: "betas", values: [0.1, 1e-17], allowFalling: true }, "alphaBar stays at 0.9 at t = 1"],
    [{ name: "constant", timesteps: 100_000 }, "betas of the constant path do not make a path"],
    [{ name: "linear", timesteps: 1, zeroTerminalSnr: true }, "zeroTerminalSnr needs at least 2 timesteps, not 1"],
    [{ name: "linear", zeroTerminalSnr: "yes" }, "zeroTerminalSnr must be true or false"],
    [{ name: "sigmoidAlphaBar", start: 3 }, "start must be below end, not 3 and 3"],
    [{ name: "continuousVP" }, "Did you mean continuousVp"],
    [{ timesteps: 10 }, "the name of a path must be one of"],
    ["cosine", "must be an object"],
  ])("refuses %j", (config, message) => {
    expect(() => pathFrom(config)).toThrow(ConfigError);
    expect(() => pathFrom(config)).toThrow(message);
  });

  it("refuses times that it does not have", () => {
    const path = vp(linear({ timesteps: 10 }));
    for (const t of [-1, -1e-9, 9.001, 10, Number.NaN, Number.POSITIVE_INFINITY, "3" as unknown as number]) {
      for (const of of [path.alpha, path.sigma, path.dAlpha, path.networkTime, path.at]) {
        expect(() => of(t)).toThrow(ConfigError);
        expect(() => of(t)).toThrow(
          `has the times 0 to 9; it was asked for t = ${JSON.stringify(t)}`.replace("null", String(t)),
        );
      }
    }
    // Between the timesteps there is a level, but no entry of a table.
    expect(path.alpha(0.5)).toBeGreaterThan(path.alpha(1));
    for (const of of [path.alphaBar, path.alphaBarPrevious, path.posteriorVariance]) {
      expect(() => of(0.5)).toThrow("0 to 9, integers; not t = 0.5");
      expect(() => of(10)).toThrow(ConfigError);
    }
    for (const t of [-0.01, 1.01, Number.NaN]) expect(() => straightLine().sigma(t)).toThrow(ConfigError);
  });
});
