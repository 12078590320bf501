/**
 * Paths and preconditionings beside NumPy, PyTorch and diffusers: every table of betas, with and without zero terminal SNR;
 * sigmas between timesteps; every preconditioning at six noise levels; the monotone network of VDM.
 *
 * Golden numbers: paths.golden.json, made by make_paths.py (which names the versions) in float64, to 12 digits; diffusers'
 * own tables are float32.
 */
import { describe, expect, it } from "vitest";
import { pathFrom, preconditioning, predictionFrom, scaledLinear, vp } from "../../src/diffusion/index.ts";
import { type LearnedPath, learned } from "../../src/diffusion/learned.ts";
import type { PathOptions } from "../../src/diffusion/path.ts";
import { iddpmSigmas } from "../../src/diffusion/preconditioning.ts";
import { readGoldenJson } from "./golden.ts";

type Names = "linear" | "scaledLinear" | "quadratic" | "constant" | "sigmoid" | "cosine" | "sigmoidAlphaBar";
type Coefficients = Record<"cSkip" | "cOut" | "cIn" | "cNoise", number[]>;

interface Golden {
  timesteps: number[];
  alphaBars: Record<Names, number[]>;
  zeroTerminalSnr: Record<Names, number[]>;
  between: { times: number[]; sigmas: number[] };
  diffusers: { sigmoid: number[]; zeroTerminalSnr: number[] };
  preconditioning: { sigmas: number[] } & Record<string, Coefficients>;
  iddpmSigmas: { indices: number[]; values: number[] };
  learned: { options: PathOptions["learned"] } & Record<"times" | "gamma" | "slopes" | "alpha" | "sigma", number[]>;
}

const golden = readGoldenJson<Golden>("paths.golden.json");
const names = Object.keys(golden.alphaBars) as Names[];

/** Equal, relative to the golden number where it is not small. */
function near(found: number, expected: number, relative: number) {
  const error = Math.abs(found - expected) / Math.max(Math.abs(expected), 1e-9);
  expect(error, `${found} instead of ${expected}`).toBeLessThan(relative);
}

describe("tables of betas", () => {
  it.each(names)("%s has the alphaBar of its formula", (name) => {
    const [path, rescaled] = [pathFrom({ name }), pathFrom({ name, zeroTerminalSnr: true })];
    golden.timesteps.forEach((t, i) => {
      near(path.alpha(t) ** 2, golden.alphaBars[name][i], 1e-10);
      near(rescaled.alpha(t) ** 2, golden.zeroTerminalSnr[name][i], 1e-8); // the last but one is a difference
    });
    expect(rescaled.alpha(999)).toBe(0);
  });

  it("agrees with diffusers to float32", () => {
    const options = { name: "scaledLinear", zeroTerminalSnr: true };
    golden.timesteps.forEach((t, i) => {
      // The product of a thousand float32 factors: about 1e-5.
      near(pathFrom({ name: "sigmoid" }).alpha(t) ** 2, golden.diffusers.sigmoid[i], 2e-5);
      near(pathFrom(options).alpha(t) ** 2, golden.diffusers.zeroTerminalSnr[i], 1e-4);
    });
  });

  it("interpolates ln sigma between timesteps", () => {
    const path = vp(scaledLinear());
    golden.between.times.forEach((t, i) => {
      near(path.sigma(t) / path.alpha(t), golden.between.sigmas[i], 1e-10);
    });
  });
});

describe("preconditionings", () => {
  it.each(["edm", "preconditionedVp", "preconditionedVe", "preconditionedIddpm", "consistency"])("%s", (name) => {
    const row = predictionFrom(name);
    golden.preconditioning.sigmas.forEach((sigma, i) => {
      const found = preconditioning(row, sigma);
      for (const key of ["cSkip", "cOut", "cIn", "cNoise"] as const) {
        near(found[key], golden.preconditioning[name][key][i], 1e-9);
      }
    });
  });

  it("has iDDPM's table of noise levels", () => {
    const table = iddpmSigmas();
    golden.iddpmSigmas.indices.forEach((j, i) => {
      near(table[j], golden.iddpmSigmas.values[i], 1e-9);
    });
    expect(table.length).toBe(1001);
  });
});

it("evaluates the monotone network of VDM, and its slope", () => {
  const path: LearnedPath = learned(golden.learned.options);
  golden.learned.times.forEach((t, i) => {
    near(path.gamma(t).gamma, golden.learned.gamma[i], 1e-12);
    near(path.gamma(t).dGamma, golden.learned.slopes[i], 1e-12);
    near(path.alpha(t), golden.learned.alpha[i], 1e-12);
    near(path.sigma(t), golden.learned.sigma[i], 1e-12);
    near(path.logSnr(t), -golden.learned.gamma[i], 1e-12);
  });
});
