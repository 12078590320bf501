/** Every weighting beside its formula as it was published, and the values that the loss of a fresh network has. */
import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { linear, vp } from "./discrete-vp.ts";
import { drawObjective, objective } from "./objective.ts";
import { pathFrom } from "./path.ts";
import type { Level } from "./path-contract.ts";
import { type PredictionConfig, predictionFrom } from "./prediction.ts";
import { straightLine } from "./straight-line.ts";
import { type WeightConfig, weightFrom, weights } from "./weights.ts";

const ddpm = vp(linear());
const line = straightLine();
const sde = pathFrom({ name: "continuousVp" });
const edm = pathFrom({ name: "edm" });
const ve = pathFrom({ name: "ve" });

const of = (weight: WeightConfig, prediction: PredictionConfig, level: Level) =>
  weightFrom(weight).of(predictionFrom(prediction), level);

function close(found: number, expected: number) {
  expect(Math.abs(found / expected - 1), `${found} beside ${expected}`).toBeLessThan(1e-12);
}

describe("weights", () => {
  it("simple is 1 for every prediction", () => {
    for (const prediction of ["noise", "sample", "v", "score", "flow", "velocity", "edm"] as const) {
      expect(of("simple", prediction, ddpm.at(500))).toBe(1);
    }
  });

  it("min-SNR: min(SNR, gamma) / SNR for noise, min(SNR, gamma) for the sample, min(SNR, gamma) / (SNR + 1) for v", () => {
    for (const t of [0, 100, 300, 700, 999]) {
      const snr = Math.exp(ddpm.logSnr(t));
      for (const gamma of [1, 5]) {
        const weight = { name: "minSnr", gamma } as const;
        const least = Math.min(snr, gamma);
        const found = (["noise", "sample", "v"] as const).map((prediction) => of(weight, prediction, ddpm.at(t)));
        const expected = [least / snr, least, least / (snr + 1)];
        found.forEach((value, i) => void expect(Math.abs(value / expected[i] - 1)).toBeLessThan(1e-9));
      }
    }
    close(of("minSnr", "sample", ddpm.at(0)), 5); // SNR 9999 is cut at the default
  });

  it("SNR + 1 is the v loss, and the truncated SNR max(SNR, 1) of the sample", () => {
    for (const t of [5, 400, 900]) {
      const snr = Math.exp(ddpm.logSnr(t));
      expect(of("snrPlusOne", "v", ddpm.at(t))).toBeCloseTo(1, 12);
      expect(of("snrPlusOne", "sample", ddpm.at(t)) / (snr + 1)).toBeCloseTo(1, 9);
      expect(of("truncatedSnr", "sample", ddpm.at(t)) / Math.max(snr, 1)).toBeCloseTo(1, 9);
      expect(of("truncatedSnr", "noise", ddpm.at(t)) / Math.max(1, 1 / snr)).toBeCloseTo(1, 9);
    }
  });

  it("sigma² and g² of the score, on VP and VE", () => {
    for (const path of [sde, ve]) {
      for (const t of [0.1, 0.5, 0.9]) {
        const level = path.at(t);
        close(of("sigmaSquared", "score", level), level.sigma ** 2);
        close(of("sigmaSquared", "noise", level), 1);
        close(of("likelihood", "score", level), path.diffusion(t));
        close(of("likelihood", "noise", level), path.diffusion(t) / level.sigma ** 2);
      }
    }
    // VE: g² = 2 sigma² ln(sigmaMax / sigmaMin), so the likelihood weight of the noise is a constant (Song et al. 2021).
    close(of("likelihood", "noise", ve.at(0.3)), 2 * Math.log(50 / 0.01));
    // VP: g² = beta(t) = 0.1 + 19.9 t.
    close(of("likelihood", "score", sde.at(0.4)), 0.1 + 19.9 * 0.4);
  });

  it("SiT's three weights, for networks of noise and score", () => {
    // Ma et al. 2024: with d = ½ g², weights of |eps error|²: 1, (d / sigma)² for velocity, d / sigma² for likelihood.
    for (const t of [0.1, 0.6, 0.95]) {
      const level = line.at(t);
      const d = t + t ** 2 / (1 - t); // sigma sigma' - alpha'/alpha sigma²
      close(of("velocity", "noise", level), (d / t) ** 2);
      close(of("likelihood", "noise", level) / 2, d / t ** 2);
      close(of("velocity", "score", level), d ** 2);
      close(of("velocity", "flow", level), 1); // on the straight line the flow is the velocity
      close(of("velocity", "velocity", sde.at(t)), 1);
    }
  });

  it("EDM's lambda of the sample, and 1 of what its preconditioned network predicts", () => {
    for (const sigma of [0.002, 0.5, 80]) {
      const lambda = (sigma ** 2 + 0.25) / (sigma * 0.5) ** 2;
      close(of("edm", "sample", edm.at(sigma)), lambda);
      close(of("edm", "edm", edm.at(sigma)), 1);
    }
    close(of("edm", "sample", edm.at(0.5)), 8); // Karras et al. 2022, at sigma = sigmaData
    const half = ddpm.at(400); // in units of sigma / alpha on a VP path
    const s = half.sigma / half.alpha;
    close(of({ name: "edm", sigmaData: 1 }, "sample", half), (s ** 2 + 1) / s ** 2);
  });

  it("SD3's two weights of the flow", () => {
    for (const t of [0.2, 0.5, 0.9]) {
      close(of("sigmaSqrt", "flow", line.at(t)), t ** -2);
      close(of("cosmap", "flow", line.at(t)), 2 / (Math.PI * (1 - 2 * t + 2 * t ** 2)));
    }
  });

  it("go through JSON, and refuse what has no value", () => {
    for (const name of Object.keys(weights)) {
      const weight = weightFrom(name);
      const again = weightFrom(JSON.parse(JSON.stringify(weight)));
      expect(again.toJSON()).toEqual(weight.toJSON());
      expect(again.of(predictionFrom("v"), ddpm.at(77))).toBe(weight.of(predictionFrom("v"), ddpm.at(77)));
    }
    expect(weightFrom("edm").toJSON()).toEqual({ name: "edm", sigmaData: 0.5 });
    expect(weightFrom({ name: "velocity" }).toJSON()).toBe("velocity");
    expect(() => weightFrom("min-snr")).toThrow("Did you mean minSnr");
    expect(() => of("minSnr", "noise", line.at(1))).toThrow(ConfigError); // alpha = 0: no SNR, no sample
    expect(() => of("minSnr", "noise", line.at(1))).toThrow("predict v or flow");
    expect(() => of("sigmaSqrt", "flow", line.at(0))).toThrow(/weight sigmaSqrt .* is Infinity at t = 0/);
  });
});

describe("the mean loss of a network that says zero", () => {
  // From x0 with E x0 = 0 and E x0² = m, eps independent: E target² = a² m + b².
  const m = 0.25;
  it.each([
    ["noise", ddpm, "simple", () => 1],
    ["sample", ddpm, "simple", () => m],
    ["v", ddpm, "simple", ({ alpha, sigma }: Level) => alpha ** 2 + sigma ** 2 * m],
    ["flow", line, "simple", () => 1 + m],
    ["edm", edm, "edm", () => 1], // as sigmaData² = m
    ["score", ve, "sigmaSquared", () => 1],
  ] as const)("%s on the path %#", (prediction, path, weight, expected) => {
    const drawn = drawObjective(objective({ path, prediction, weight }), 20, Random.from(1));
    drawn.levels.forEach((level, i) => {
      const value = drawn.weight[i] * (drawn.targetSample[i] ** 2 * m + drawn.targetNoise[i] ** 2);
      expect(value / expected(level)).toBeCloseTo(1, 5);
    });
  });

  it("and of the best network of noise for normal data is alpha² s² / (alpha² s² + sigma²)", () => {
    // The error of eps = sigma x / (alpha² s² + sigma²) as the 2 x 2 form of x0 and eps, through the drawn numbers.
    const [s2, { alpha, sigma, targetNoise, levels }] = [
      0.49,
      drawObjective(objective({ path: ddpm, prediction: "noise" }), 20, Random.from(2)),
    ];
    levels.forEach((level, i) => {
      const gain = level.sigma / (level.alpha ** 2 * s2 + level.sigma ** 2);
      const found = (gain * alpha[i]) ** 2 * s2 + (targetNoise[i] - gain * sigma[i]) ** 2;
      const bar = ddpm.alphaBars[level.t];
      expect(found / ((bar * s2) / (bar * s2 + 1 - bar))).toBeCloseTo(1, 4);
    });
  });
});
