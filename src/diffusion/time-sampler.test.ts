/** Samplers of times: moments and densities by the formulas in the module, within five standard errors. */
import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { linear, vp } from "./discrete-vp.ts";
import { secondMomentProbabilities } from "./loss-second-moment.ts";
import { pathFrom } from "./path.ts";
import { straightLine } from "./straight-line.ts";
import {
  logitNormal,
  logNormal,
  lossSecondMoment,
  mode,
  stratified,
  timeSamplerFrom,
  timeSamplers,
  uniformContinuous,
  uniformDiscrete,
  uniformOver,
} from "./time-sampler.ts";

const count = 100_000;
const line = straightLine();
const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

describe("time samplers", () => {
  it("draws every timestep equally often", () => {
    const seen = new Float64Array(10);
    const path = vp(linear({ timesteps: 10 }));
    for (const t of uniformDiscrete({ timesteps: 10 }).draw(count, Random.from(1), path)) seen[t]++;
    // Standard error of a bin: sqrt(0.1 · 0.9 / 100,000) = 0.00095; five of them.
    for (const bin of seen) expect(Math.abs(bin / count - 0.1)).toBeLessThan(0.0048);
  });

  it("draws uniform times within its ends, which are the path's by default", () => {
    const times = uniformContinuous({ from: 0.2, to: 0.6 }).draw(count, Random.from(2), line);
    expect(Math.min(...times.subarray(0, 1000))).toBeGreaterThan(0.2);
    expect(Math.max(...times.subarray(0, 1000))).toBeLessThan(0.6);
    // Mean 0.4 with standard error 0.4 / sqrt(12 · 100,000) = 0.00037; variance 0.16 / 12.
    expect(Math.abs(mean(times) - 0.4)).toBeLessThan(0.002);
    expect(mean(times.map((t) => (t - 0.4) ** 2))).toBeCloseTo(0.16 / 12, 3);
    const edm = pathFrom({ name: "edm" });
    const [from, to] = edm.span;
    const wide = uniformOver(edm).draw(count, Random.from(2), edm);
    expect(Math.abs(mean(wide) - (from + to) / 2)).toBeLessThan(0.005 * (to - from));
  });

  it("draws times whose logit is normal", () => {
    const logits = logitNormal({ mean: 0.5, std: 1.5 })
      .draw(count, Random.from(3), line)
      .map((t) => Math.log(t / (1 - t)));
    expect(Math.abs(mean(logits) - 0.5)).toBeLessThan(0.025); // standard error 0.0047
    expect(Math.abs(mean(logits.map((z) => (z - 0.5) ** 2)) - 2.25)).toBeLessThan(0.05); // standard error 0.010
  });

  it("draws noise levels that are log-normal, on EDM's path and on any other", () => {
    for (const path of [pathFrom({ name: "edm" }), line]) {
      const logs = logNormal()
        .draw(count, Random.from(4), path)
        .map((t) => Math.log(path.sigma(t) / path.alpha(t)));
      expect(Math.abs(mean(logs) + 1.2)).toBeLessThan(0.019); // standard error 0.0038
      expect(Math.abs(mean(logs.map((z) => (z + 1.2) ** 2)) - 1.44)).toBeLessThan(0.033); // standard error 0.0064
    }
    expect(() => logNormal({ mean: 60 }).draw(1, Random.from(4), pathFrom({ name: "edm" }))).toThrow(
      /hardly any noise level is on the path edm, .* goes from 0.002.* to (80|79.9)/,
    );
  });

  it("draws SD3's mode distribution: its quantiles are its formula", () => {
    const scale = 1.29;
    const times = mode({ scale }).draw(count, Random.from(5), line).sort();
    for (const u of [0.1, 0.3, 0.5, 0.8]) {
      const expected = 1 - u - scale * (Math.cos((Math.PI / 2) * u) ** 2 - 1 + u);
      expect(Math.abs(times[Math.round(count * (1 - u))] - expected)).toBeLessThan(0.01);
    }
  });

  it("stratifies: the times of a batch stand evenly apart, and each alone is uniform", () => {
    const times = stratified().draw(8, Random.from(6), line).sort();
    for (let i = 1; i < 8; i++) expect(times[i] - times[i - 1]).toBeCloseTo(1 / 8, 12);
    const firsts = Array.from({ length: 20_000 }, (_, i) => stratified().draw(4, Random.from(7, i), line)[2]);
    expect(Math.abs(mean(firsts) - 0.5)).toBeLessThan(0.0103); // standard error 0.00204
    expect(mean(firsts.map((t) => (t - 0.5) ** 2))).toBeCloseTo(1 / 12, 2);
    const path = vp(linear({ timesteps: 40 }));
    const steps = stratified({ timesteps: 40 }).draw(40, Random.from(8), path);
    expect([...steps].sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, t) => t));
  });

  it("depends on its stream alone, and goes through JSON", () => {
    const path = vp(linear({ timesteps: 7 }));
    const samplers = [
      [timeSamplers.uniformDiscrete({ timesteps: 7 }), path],
      [timeSamplers.uniformContinuous({ from: 0.1, to: 1 }), line],
      [timeSamplers.stratified({}), line],
      [timeSamplers.stratified({ timesteps: 7 }), path],
      [timeSamplers.logNormal({ mean: 0 }), line],
      [timeSamplers.logitNormal({ std: 2 }), line],
      [timeSamplers.mode({ scale: 0.5 }), line],
      [timeSamplers.lossSecondMoment({ timesteps: 7, length: 3 }), path],
    ] as const;
    expect(new Set(samplers.map(([{ name }]) => name))).toEqual(new Set(Object.keys(timeSamplers)));
    for (const [sampler, on] of samplers) {
      const again = timeSamplerFrom(JSON.parse(JSON.stringify(sampler)));
      expect(again.draw(20, Random.from(4), on)).toEqual(sampler.draw(20, Random.from(4), on));
      expect(again.toJSON()).toEqual(sampler.toJSON());
    }
  });

  it.each([
    [{ name: "uniform" }, "Did you mean uniform"],
    [{ name: "uniformDiscrete" }, "timesteps is missing"],
    [{ name: "logitNormal", std: 0 }, "std must be a finite number above 0, not 0"],
    [{ name: "logitNormal", stdev: 1 }, "Did you mean std"],
    [{ name: "uniformContinuous", from: 0.5, to: 0.5 }, "from must be below to"],
    [{ name: "uniformContinuous", from: 0.5 }, "give both from and to, or neither"],
    [{ name: "stratified", timesteps: 5, from: 0, to: 1 }, "give one of them"],
    [{ name: "mode", scale: 2 }, "scale must be a finite number from -1 to 1.75"],
    [{ name: "lossSecondMoment", timesteps: 5, uniform: 2 }, "uniform must be a finite number from 0 to 1"],
  ])("refuses %j", (config, message) => {
    expect(() => timeSamplerFrom(config)).toThrow(ConfigError);
    expect(() => timeSamplerFrom(config)).toThrow(message);
  });
});

describe("the loss-second-moment resampler", () => {
  const { adaptive } = lossSecondMoment({ timesteps: 4, length: 3, uniform: 0.1 });
  const times = [0, 1, 2, 3];

  it("is uniform until every timestep has its losses", () => {
    let history = adaptive!.empty();
    for (let i = 0; i < 2; i++) history = adaptive!.observe(history, times, [9, 1, 1, 1]);
    history = adaptive!.observe(history, [0, 1, 2], [9, 1, 1]);
    expect([...secondMomentProbabilities(history, 0.1)]).toEqual([0.25, 0.25, 0.25, 0.25]);
    expect([...adaptive!.draw(3, Random.from(1), history).importance]).toEqual([1, 1, 1]);
  });

  it("then has the probabilities of the closed form, of the last losses alone", () => {
    let history = adaptive!.empty();
    const before = history;
    // The first loss of each is pushed out by the fourth.
    for (const losses of [
      [50, 50, 50, 50],
      [1, 2, 0, 4],
      [2, 2, 0, 4],
      [3, 2, 1, 4],
    ]) {
      history = adaptive!.observe(history, times, losses);
    }
    expect([...before.counts]).toEqual([0, 0, 0, 0]);
    const roots = [Math.sqrt(14 / 3), 2, Math.sqrt(1 / 3), 4];
    const total = roots.reduce((a, b) => a + b);
    const expected = roots.map((root) => (0.9 * root) / total + 0.1 / 4);
    secondMomentProbabilities(history, 0.1).forEach((p, t) => void expect(p).toBeCloseTo(expected[t], 14));
    const { t, importance } = adaptive!.draw(count, Random.from(2), history);
    times.forEach((time) => {
      const share = t.filter((value) => value === time).length / count;
      expect(Math.abs(share - expected[time])).toBeLessThan(0.0079); // five standard errors of at most 0.00158
    });
    importance.forEach(
      (factor, i) => void expect(factor).toBe(Math.fround(1 / (4 * secondMomentProbabilities(history, 0.1)[t[i]]))),
    );
    // The mean of importance · f(t) is that of f under uniform times.
    expect(Math.abs(mean(importance.map((factor, i) => factor * t[i] ** 2)) - 14 / 4)).toBeLessThan(0.1);
  });

  it("is resumed with what was seen, and begins anew for another number of timesteps", () => {
    const seen = adaptive!.observe(adaptive!.empty(), times, [1, 2, 3, 4]);
    expect(adaptive!.resume(seen)).toBe(seen);
    expect(adaptive!.resume(lossSecondMoment({ timesteps: 5, length: 3 }).adaptive!.empty())).toEqual(
      adaptive!.empty(),
    );
    expect(adaptive!.resume(undefined)).toEqual(adaptive!.empty());
  });
});
