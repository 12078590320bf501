import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { continuousVp, subVp } from "../continuous-vp.ts";
import { cosine, linear, vp } from "../discrete-vp.ts";
import type { Path } from "../path-contract.ts";
import { straightLine } from "../straight-line.ts";
import { gaussianDenoiser, gaussianFlow } from "../testing/gaussian.ts";
import { ve } from "../ve.ts";
import { type ProbabilityFlowOptions, probabilityFlow } from "./probability-flow.ts";
import { type SolverStep, solve } from "./solver.ts";

const data = { mean: 0.3, std: 0.5 };
const tight = { rtol: 1e-7, atol: 1e-7 };
const from = (value: number) => ({ shape: [1, 1], seed: 0, initial: Float32Array.of(value) });

async function endOf(path: Path, x: number, options: ProbabilityFlowOptions): Promise<number> {
  return (await solve(probabilityFlow(options), gaussianDenoiser(data, path), from(x)))[0];
}

describe("probabilityFlow on Gaussian data", () => {
  it.each([
    ["linear", vp(linear())],
    ["cosine", vp(cosine())],
    ["VP", continuousVp()],
    ["sub-VP", subVp()],
    ["VE", ve()],
    ["straight", straightLine()],
  ])("ends where the exact flow ends, %s path", async (_, path) => {
    for (const x of [1, -2]) {
      const [first, last] = path.span.map((t) => path.at(t));
      const scale = Math.hypot(last.alpha, last.sigma);
      const ratio = first.sigma > 0 ? first.sigma / first.alpha : 1e-3;
      const alpha = first.sigma > 0 ? first.alpha : path.alpha(path.timeOfLogSnr(-2 * Math.log(ratio)));
      const exact = gaussianFlow(data, scale * x, last, { alpha, sigma: ratio * alpha });
      expect(Math.abs((await endOf(path, scale * x, { ...tight, lastStep: "none" })) - exact)).toBeLessThan(1e-6);
      // x0hat at the last level, instead of the rest of the flow, is off by sigma² / 2 std² of the distance to the mean.
      const end = gaussianFlow(data, scale * x, last, { alpha: 1, sigma: 0 });
      const off = Math.abs((await endOf(path, scale * x, tight)) - end);
      expect(off).toBeLessThan((ratio ** 2 / (2 * data.std ** 2)) * Math.abs(end - data.mean) * 1.01 + 2e-6);
    }
  });

  it("has the golden end points", async () => {
    expect(await endOf(ve({ sigmaMin: 1e-4, sigmaMax: 80 }), 80, tight)).toBeCloseTo(0.79811527, 6);
    expect(await endOf(straightLine(), 1, { ...tight, sigmaMin: 1e-4 })).toBeCloseTo(0.8, 6);
  });

  it("asks more often for a smaller tolerance, not for more reports", async () => {
    const calls = async (options: ProbabilityFlowOptions) => {
      let count = 0;
      const exact = gaussianDenoiser(data, ve());
      const denoise: typeof exact.denoise = (...given) => {
        count++;
        return exact.denoise(...given);
      };
      await solve(probabilityFlow(options), { ...exact, denoise }, from(1));
      return count;
    };
    const [loose, close] = [await calls({ steps: 1, rtol: 1e-3, atol: 1e-3 }), await calls({ steps: 1, ...tight })];
    expect(close).toBeGreaterThan(2 * loose);
    expect(await calls({ steps: 8, ...tight })).toBeLessThan(2 * close);
  });

  it("reports the level that it has reached, where x is the exact flow", async () => {
    const path = straightLine();
    const steps: SolverStep[] = [];
    const solver = probabilityFlow({ ...tight, steps: 4, lastStep: "none" });
    for await (const step of solver.sample(gaussianDenoiser(data, path), from(1))) steps.push(step);
    expect(steps.map(({ step, of }) => [step, of])).toEqual([1, 2, 3, 4].map((step) => [step, 4]));
    // Even in the angle: tan of 3/4, 1/2, 1/4 of pi/2 is sigma / alpha = t / (1 - t).
    steps.slice(0, 3).forEach(({ t, x }, i) => {
      expect(t / (1 - t)).toBeCloseTo(Math.tan(((3 - i) * Math.PI) / 8), 2);
      expect(x[0]).toBeCloseTo(gaussianFlow(data, 1, path.at(1), path.at(t)), 6);
    });
  });
});

describe("probabilityFlow refuses", () => {
  it.each([{ steps: 0 }, { rtol: 0 }, { atol: 2 }, { sigmaMin: 0 }, { lastStep: "mean" }, { eta: 1 }])(
    "%j",
    (options) => {
      expect(() => probabilityFlow(options as never)).toThrow(ConfigError);
    },
  );

  it("a noise level below the path's", () => {
    const denoiser = gaussianDenoiser(data, ve());
    expect(() => probabilityFlow({ sigmaMin: 1e-3 }).sample(denoiser, from(1))).toThrow(
      /sigma \/ alpha from 0\.01\d* to (50|49\.9\d*);.*visit 0\.001/,
    );
  });
});
