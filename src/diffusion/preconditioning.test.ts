import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { continuousVp, subVp } from "./continuous-vp.ts";
import { linear, vp } from "./discrete-vp.ts";
import { edm } from "./edm.ts";
import type { Level } from "./path-contract.ts";
import { iddpmSigmas } from "./preconditioning.ts";
import { preconditioning, predictionFrom, recovery, toDenoised } from "./prediction.ts";
import { ve } from "./ve.ts";

const names = ["edm", "preconditionedVp", "preconditionedVe", "preconditionedIddpm", "consistency"] as const;
const at = (sigma: number): Level => edm({ sigmaMin: 1e-9, sigmaMax: 1e9 }).at(sigma);

describe("preconditionings", () => {
  it("has EDM's coefficients at sigma = 0.5: 0.5, 0.353553, 1.414214, and the weight 8", () => {
    const { cSkip, cOut, cIn, cNoise } = preconditioning(predictionFrom("edm"), 0.5);
    expect(cSkip).toBeCloseTo(0.5, 15);
    expect(cOut).toBeCloseTo(Math.SQRT1_2 / 2, 15); // 0.353553
    expect(cIn).toBeCloseTo(Math.SQRT2, 15); // 1.414214
    expect(cNoise).toBeCloseTo(Math.log(0.5) / 4, 15);
    expect(1 / cOut ** 2).toBeCloseTo(8, 13); // lambda = (sigma² + sigmaData²) / (sigma sigmaData)²
  });

  it("gives EDM's network inputs and targets of unit variance, on any path", () => {
    const sigmaData = 0.3;
    const row = predictionFrom({ name: "edm", sigmaData });
    for (const level of [at(0.002), at(80), vp(linear()).at(500), subVp().at(0.4), ve().at(0.9)]) {
      const input = row.inputScale!(level) ** 2 * (level.alpha ** 2 * sigmaData ** 2 + level.sigma ** 2);
      const target = row.targetSample(level) ** 2 * sigmaData ** 2 + row.targetNoise(level) ** 2;
      expect(input).toBeCloseTo(1, 13);
      expect(target).toBeCloseTo(1, 13);
    }
  });

  it.each(names)("%s: D = cSkip y + cOut F on every path, y = x / alpha", (name) => {
    const row = predictionFrom(name);
    for (const { alpha, sigma, ...rest } of [at(0.7), vp(linear()).at(300), subVp().at(0.4)]) {
      const [x, output] = [0.9, -0.4];
      const { cSkip, cOut, cIn } = preconditioning(row, sigma / alpha);
      const level = { ...rest, alpha, sigma };
      const { sample, noise } = toDenoised(row, level, Float32Array.of(x), Float32Array.of(output));
      expect(sample[0]).toBeCloseTo(cSkip * (x / alpha) + cOut * output, 5);
      expect(alpha * sample[0] + sigma * noise[0]).toBeCloseTo(x, 5);
      expect(row.inputScale!(level) * x).toBeCloseTo((cIn * x) / alpha, 12);
    }
  });

  it("feeds VP's networks 999 t on the VP path", () => {
    const row = predictionFrom("preconditionedVp");
    for (const t of [1e-3, 0.3, 1]) {
      expect(row.networkTime!(continuousVp().at(t))).toBeCloseTo(999 * t, 8);
      expect(row.inputScale!(continuousVp().at(t))).toBeCloseTo(1, 12);
    }
  });

  it("rounds to the nearest of iDDPM's noise levels", () => {
    const row = predictionFrom({ name: "preconditionedIddpm", timesteps: 50 });
    const table = iddpmSigmas({ timesteps: 50 });
    fc.assert(
      fc.property(fc.double({ min: Math.log(table[49]), max: Math.log(table[0]), noNaN: true }), (logSigma) => {
        const sigma = Math.min(table[0], Math.max(table[49], Math.exp(logSigma)));
        const distances = Array.from(table, (u) => Math.abs(u - sigma));
        const chosen = distances[49 - row.networkTime!(at(sigma))];
        return chosen === Math.min(...distances.slice(0, 50));
      }),
      { seed: 4 },
    );
  });

  it("is x itself at a consistency model's sigmaMin, whatever the network says", () => {
    const row = predictionFrom("consistency");
    const level = edm().at(0.002);
    expect(recovery(row, level)).toEqual({
      sampleFromX: 1,
      sampleFromOutput: 0,
      noiseFromX: 0,
      noiseFromOutput: -0,
    });
    expect(row.targetNoise(level)).toBe(-Infinity); // there the network has no target
    expect(row.networkTime!(level)).toBeCloseTo(250 * Math.log(0.002), 10);
  });

  it.each([
    ["preconditionedVp", 153, "the prediction preconditionedVp knows sigma / alpha from 0 to 152.1"],
    ["preconditionedIddpm", 2e5, "knows sigma / alpha from 0.0064254"],
    ["preconditionedIddpm", 0.001, "not 0.001; choose a path within them"],
    ["consistency", 0.001, "knows sigma / alpha from 0.002 to Infinity, not 0.001"],
  ])("%s refuses sigma = %d, which it does not have", (name, sigma, message) => {
    expect(() => predictionFrom(name).networkTime!(at(sigma))).toThrow(ConfigError);
    expect(() => predictionFrom(name).networkTime!(at(sigma))).toThrow(message);
  });

  it("refuses to feed a network what is not finite", () => {
    const [clean, pure] = [continuousVp().at(0), { ...at(1), alpha: 0 }];
    expect(() => predictionFrom("edm").networkTime!(clean)).toThrow("which is -Infinity at alpha = 1, sigma = 0");
    expect(() => predictionFrom("edm").networkTime!(pure)).toThrow("which is Infinity at alpha = 0");
  });

  it.each([
    [{ name: "edm", sigmaData: 0 }, "edm: sigmaData must be a finite number above 0, not 0"],
    [{ name: "edm", sigma: 1 }, "Did you mean sigmaData"],
    [{ name: "preconditionedVp", betaMin: 30 }, "betaMin must not be above betaMax"],
    [{ name: "preconditionedVe", sigmaMin: 1 }, "It takes none"],
    [{ name: "preconditionedIddpm", timesteps: 1 }, "timesteps must be an integer from 2"],
    [{ name: "consistency", sigmaMin: -1 }, "sigmaMin must be a finite number from 0"],
  ])("refuses %j", (config, message) => {
    expect(() => predictionFrom(config)).toThrow(ConfigError);
    expect(() => predictionFrom(config)).toThrow(message);
  });
});
