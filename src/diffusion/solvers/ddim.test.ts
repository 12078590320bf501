import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { cosine, linear, vp } from "../discrete-vp.ts";
import type { PredictionName } from "../prediction.ts";
import { straightLine } from "../straight-line.ts";
import { gaussianDenoiser } from "../testing/gaussian.ts";
import { ddim, ddimMoves } from "./ddim.ts";
import { ddpmMoves } from "./ddpm.ts";
import { solve } from "./solver.ts";

const data = { mean: 0.3, std: 0.5 };
const from = (value: number) => ({ shape: [1, 1], seed: 0, initial: Float32Array.of(value) });

describe("ddim on Gaussian data", () => {
  // Start 1, data N(0.3, 0.5²), computed with NumPy in float64. The state here is float32, so 6 of the 8 digits count.
  const golden: [number, number][] = [
    [10, 0.66924973],
    [50, 0.77050425],
    [250, 0.79314367],
    [1000, 0.79754523],
  ];
  it.each(golden)("linear schedule, trailing, %i steps", async (steps, expected) => {
    for (const prediction of ["noise", "v", "sample"] as PredictionName[]) {
      const [x] = await solve(ddim({ steps, clip: false }), gaussianDenoiser(data, vp(linear()), prediction), from(1));
      expect(Math.abs(x - expected), prediction).toBeLessThan(5e-6);
    }
  });

  const flowGolden: [number, number][] = [
    [4, 0.64054054],
    [10, 0.7307826],
    [50, 0.78539674],
  ];
  it.each(flowGolden)("straight line, %i steps: Euler of the flow", async (steps, expected) => {
    for (const prediction of ["flow", "v", "sample"] as PredictionName[]) {
      const [x] = await solve(
        ddim({ steps, clip: false }),
        gaussianDenoiser(data, straightLine(), prediction),
        from(1),
      );
      expect(Math.abs(x - expected), prediction).toBeLessThan(1e-6);
    }
  });

  it("converges to the exact flow with order one", async () => {
    const exact = data.mean + data.std; // the straight line carries the noise 1 to mean + std
    const errors = [];
    for (const steps of [32, 64, 128]) {
      const [x] = await solve(ddim({ steps, clip: false }), gaussianDenoiser(data, straightLine(), "flow"), from(1));
      errors.push(exact - x);
    }
    expect(errors[0] / errors[1]).toBeCloseTo(2, 1);
    expect(errors[1] / errors[2]).toBeCloseTo(2, 1);
  });
});

describe("ddim's noise", () => {
  it("is the paper's s on a variance-preserving path", () => {
    const path = vp(cosine());
    const moves = ddimMoves(path, { steps: 10, eta: 0.7 });
    moves.slice(0, -1).forEach((move, i) => {
      const now = path.alphaBar(move.t);
      const next = path.alphaBar(moves[i + 1].t);
      const s = 0.7 * Math.sqrt((1 - next) / (1 - now)) * Math.sqrt(1 - now / next);
      expect(move.std).toBeCloseTo(s, 12);
      expect(move.noiseFactor).toBeCloseTo(Math.sqrt(1 - next - s * s), 12);
    });
    expect(moves[9]).toMatchObject({ nextAlpha: 1, noiseFactor: 0, std: 0 });
  });

  it("is DDPM's small variance at eta 1, and so is the mean", () => {
    const path = vp(linear());
    const moves = ddimMoves(path, { steps: 7, eta: 1, spacing: "linspace" });
    const times = moves.map((move) => move.t);
    ddpmMoves(path, times, "small").forEach((ancestral, i) => {
      const { alpha, sigma, nextAlpha, noiseFactor, std } = moves[i];
      expect(std).toBeCloseTo(ancestral.std, 12);
      // epshat = (x - alpha x0hat) / sigma, so that x' is a combination of x0hat and x.
      expect(noiseFactor / sigma).toBeCloseTo(ancestral.noisedFactor, 12);
      expect(nextAlpha - (noiseFactor * alpha) / sigma).toBeCloseTo(ancestral.sampleFactor, 12);
    });
  });

  it("ends at the level of t = 0 when asked", () => {
    const path = vp(linear());
    const moves = ddimMoves(path, { steps: 10, spacing: "leading", stepsOffset: 1, setAlphaToOne: false });
    expect(moves.map((move) => move.t).slice(-2)).toEqual([101, 1]);
    expect(moves[9].nextAlpha).toBeCloseTo(Math.sqrt(0.9999), 12);
    expect(moves[9].noiseFactor).toBeCloseTo(0.01, 12);
  });
});

describe("ddim's clipping", () => {
  it("limits the predicted sample", async () => {
    const far = gaussianDenoiser({ mean: 3, std: 0 }, straightLine(), "flow");
    expect((await solve(ddim({ steps: 5 }), far, from(0)))[0]).toBe(1);
    expect((await solve(ddim({ steps: 5, clip: 2 }), far, from(0)))[0]).toBe(2);
    expect((await solve(ddim({ steps: 5, clip: false }), far, from(0)))[0]).toBeCloseTo(3, 5);
  });
});

describe("ddim refuses", () => {
  it.each([
    [{ steps: 0 }, "ddim: steps must be an integer from 1, not 0"],
    [{ steps: 2.5 }, "not 2.5"],
    [{}, "steps is missing"],
    [{ steps: 5, eta: -0.1 }, "eta must be a finite number from 0 to 1"],
    [{ steps: 5, eta: Number.NaN }, "not NaN"],
    [{ steps: 5, clip: -1 }, "clip"],
    [{ steps: 5, spacing: "trailling" }, '"leading" or "linspace" or "trailing", not "trailling"'],
    [{ steps: 5, etta: 1 }, "Did you mean eta"],
  ])("%j", (options, message) => {
    expect(() => ddim(options as never)).toThrow(ConfigError);
    expect(() => ddim(options as never)).toThrow(message);
  });

  it("what the path cannot give", () => {
    const line = gaussianDenoiser(data, straightLine(), "flow");
    const discrete = gaussianDenoiser(data, vp(linear({ timesteps: 20 })));
    expect(() => ddim({ steps: 21 }).sample(discrete, from(1))).toThrow("the path's 20 timesteps, not 21");
    expect(() => ddim({ steps: 5, setAlphaToOne: false }).sample(line, from(1))).toThrow("for discrete paths");
    expect(() => ddim({ steps: 5, spacing: "linspace" }).sample(line, from(1))).toThrow("continuous time");
  });

  it("a network that predicts the noise where there is nothing else", async () => {
    const line = gaussianDenoiser(data, straightLine(), "noise");
    await expect(solve(ddim({ steps: 5 }), line, from(1))).rejects.toThrow("predicts noise does not determine");
  });
});
