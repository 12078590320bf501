import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { continuousVp, subVp } from "../continuous-vp.ts";
import { linear, vp } from "../discrete-vp.ts";
import type { Path } from "../path-contract.ts";
import { straightLine } from "../straight-line.ts";
import { afterStep, expectMoments, type LinearStep } from "../testing/chain.ts";
import { type Gaussian, gaussianDenoiser } from "../testing/gaussian.ts";
import { ve } from "../ve.ts";
import { type PredictorCorrectorOptions, predictorCorrector, predictorMoves } from "./predictor-corrector.ts";

const data = { mean: 0.3, std: 0.5 };
const size = 20_000;
const paths: [string, Path][] = [
  ["linear", vp(linear())],
  ["continuousVp", continuousVp()],
  ["subVp", subVp()],
  ["ve", ve({ sigmaMax: 5 })],
];

/** The predictors as Song et al. write them, for f, g and the discretised G of each SDE. */
function written(path: Path, predictor: string, t: number, next: number, isLast: boolean): LinearStep {
  const { alpha, sigma } = path.at(t);
  const end = isLast ? { alpha: 1, sigma: 0 } : path.at(next);
  const keep = alpha / end.alpha; // sqrt(1 - beta)
  const [preserving, exploding] = [path.name === "linear" || path.name === "continuousVp", path.name === "ve"];
  const variance = preserving ? 1 - keep ** 2 : sigma ** 2 - keep ** 2 * end.sigma ** 2;
  const noise = (std: number) => (isLast ? 0 : std);
  if (predictor === "reverseDiffusion") {
    return { x: exploding ? 1 : 2 - keep, score: variance, std: noise(Math.sqrt(variance)) };
  }
  if (predictor === "ancestral") {
    const std = preserving ? Math.sqrt(variance) : Math.sqrt((end.sigma ** 2 * variance) / sigma ** 2);
    return { x: 1 / keep, score: variance / keep, std: noise(std) };
  }
  const beta = 0.1 + 19.9 * t;
  const decay = 1 - Math.exp(-0.2 * t - 19.9 * t * t); // of sub-VP: 1 - exp(-2 ∫ beta)
  const g2 = exploding ? 2 * sigma ** 2 * Math.log(500) : preserving ? beta : beta * decay;
  const dt = t - next;
  return { x: exploding ? 1 : 1 + (beta / 2) * dt, score: g2 * dt, std: noise(Math.sqrt(g2 * dt)) };
}

async function follows(path: Path, options: PredictorCorrectorOptions, slack = 0) {
  const { predictor = "reverseDiffusion", corrector = "langevin", snr = 0.16, correctorSteps = 1 } = options;
  const { steps = 0 } = options;
  const times: number[] = [];
  const outcomes: Float32Array[] = [];
  const solver = predictorCorrector(options);
  for await (const { t, x } of solver.sample(gaussianDenoiser(data, path), { shape: [1, size], seed: 8 })) {
    times.push(t);
    outcomes.push(x);
  }
  expect(times.length).toBe(steps);
  const first = path.at(times[0]);
  let expected: Gaussian = { mean: 0, std: Math.hypot(first.alpha, first.sigma) };
  times.forEach((t, i) => {
    const isLast = i === steps - 1;
    const level = path.at(t);
    const next = isLast ? path.span[0] : times[i + 1];
    for (let k = 0; k < (corrector === "none" ? 0 : correctorSteps); k++) {
      const total = (level.alpha * data.std) ** 2 + level.sigma ** 2;
      // |z| / |score| for many numbers, or sigma
      const score = Math.hypot(expected.std, expected.mean - level.alpha * data.mean) / total;
      const ratio = corrector === "annealed" ? level.sigma : 1 / score;
      const keep = (level.alpha / (isLast ? 1 : path.alpha(next))) ** 2;
      const step = 2 * keep * (snr * ratio) ** 2;
      expected = afterStep(data, expected, level, { x: 1, score: step, std: Math.sqrt(2 * step) });
    }
    expected = afterStep(data, expected, level, written(path, predictor, t, next, isLast));
    expectMoments(outcomes[i], expected, slack);
  });
}

describe.each(paths)("predictorCorrector on %s", (name, path) => {
  it.each(["reverseDiffusion", "ancestral", "eulerMaruyama"] as const)(
    "has the exact moments of its chain, %s",
    async (predictor) => {
      if (predictor === "eulerMaruyama" && name === "linear") return;
      await follows(path, { steps: 12, predictor, corrector: "none" });
      await follows(path, { steps: 5, predictor, corrector: "annealed", correctorSteps: 2, snr: 0.3 });
    },
  );

  it("has the exact moments of its chain with Langevin steps of the published size", async () => {
    // The norms of 20,000 numbers are sure to half a percent; so is the step.
    await follows(path, { steps: 8 }, 0.005);
  });
});

describe("predictorCorrector", () => {
  it("takes the authors' grid: linspace down to timeMin, and then the data", () => {
    const moves = predictorMoves(continuousVp(), { steps: 1000, spacing: "linspace", timeMin: 1e-3 });
    expect(moves.length).toBe(1000);
    expect(moves[0].level.t).toBe(1);
    expect(moves[999].level.t).toBeCloseTo(1e-3, 12);
    expect(moves[1].level.t).toBeCloseTo(1 - 0.999 / 999, 12);
    expect(moves[999].std).toBe(0);
  });

  it("is DDPM's chain on all timesteps with the ancestral predictor", () => {
    const path = vp(linear());
    const moves = predictorMoves(path, { steps: 1000, predictor: "ancestral" });
    for (const i of [0, 500, 998]) {
      const t = 999 - i;
      expect(moves[i].std ** 2 / path.betas[t]).toBeCloseTo(1, 8);
      expect(moves[i].xFactor * Math.sqrt(1 - path.betas[t])).toBeCloseTo(1, 10);
      expect(moves[i].noiseFactor * path.sigma(t) * Math.sqrt(1 - path.betas[t])).toBeCloseTo(-path.betas[t], 10);
    }
  });

  it.each([
    [{ steps: 5, predictor: "none" }, '"reverseDiffusion" or'],
    [{ steps: 5, snr: 0 }, "snr must be"],
    [{ steps: 5, correctorSteps: 0 }, "correctorSteps"],
    [{ steps: 5, tau: 1 }, "unknown option"],
    [{}, "steps is missing"],
    [{ steps: 1001 }, "1000 timesteps"],
    [{ steps: 5, predictor: "eulerMaruyama" }, "continuous time, not linear"],
  ])("refuses %j", (options, message) => {
    const run = () =>
      predictorCorrector(options as never).sample(gaussianDenoiser(data, vp(linear())), { shape: [1, 1], seed: 0 });
    expect(run).toThrow(ConfigError);
    expect(run).toThrow(message);
  });

  it("needs data in x at the start", () => {
    const run = (options: object) => () =>
      predictorCorrector({ steps: 4, ...options }).sample(gaussianDenoiser(data, straightLine()), {
        shape: [1, 1],
        seed: 0,
      });
    expect(run({})).toThrow(/alpha = 0.*timeMax/);
    expect(run({ timeMax: 0.99 })).not.toThrow();
  });
});
