import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { cosine, linear, vp } from "./discrete-vp.ts";
import { drawObjective, objective, objectiveFrom } from "./objective.ts";
import { straightLine } from "./straight-line.ts";
import { logitNormal, timeSamplerFrom, timeSamplers, uniformContinuous, uniformDiscrete } from "./time-sampler.ts";

const count = 100_000;
const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

describe("time samplers", () => {
  it("draws every timestep equally often", () => {
    const seen = new Float64Array(10);
    for (const t of uniformDiscrete({ timesteps: 10 }).draw(count, Random.from(1))) seen[t]++;
    // Standard error of a bin: sqrt(0.1 · 0.9 / 100,000) = 0.00095; five of them.
    for (const bin of seen) expect(Math.abs(bin / count - 0.1)).toBeLessThan(0.0048);
  });

  it("draws uniform times within its ends", () => {
    const times = uniformContinuous({ from: 0.2, to: 0.6 }).draw(count, Random.from(2));
    expect(Math.min(...times.subarray(0, 1000))).toBeGreaterThan(0.2);
    expect(Math.max(...times.subarray(0, 1000))).toBeLessThan(0.6);
    // Mean 0.4 with standard error 0.4 / sqrt(12 · 100,000) = 0.00037; variance 0.16 / 12.
    expect(Math.abs(mean(times) - 0.4)).toBeLessThan(0.002);
    expect(mean(times.map((t) => (t - 0.4) ** 2))).toBeCloseTo(0.16 / 12, 3);
  });

  it("draws times whose logit is normal", () => {
    const logits = logitNormal({ mean: 0.5, std: 1.5 })
      .draw(count, Random.from(3))
      .map((t) => Math.log(t / (1 - t)));
    expect(Math.abs(mean(logits) - 0.5)).toBeLessThan(0.025); // standard error 0.0047
    expect(Math.abs(mean(logits.map((z) => (z - 0.5) ** 2)) - 2.25)).toBeLessThan(0.05); // standard error 0.010
  });

  it("depends on its stream alone, and goes through JSON", () => {
    const samplers = [
      timeSamplers.uniformDiscrete({ timesteps: 7 }),
      timeSamplers.uniformContinuous({ from: 0.1 }),
      timeSamplers.logitNormal({ std: 2 }),
    ];
    for (const sampler of samplers) {
      const again = timeSamplerFrom(JSON.parse(JSON.stringify(sampler)));
      expect(again.draw(20, Random.from(4))).toEqual(sampler.draw(20, Random.from(4)));
      expect(again.toJSON()).toEqual(sampler.toJSON());
      const random = Random.from(4);
      const parts = [...sampler.draw(5, random), ...sampler.draw(15, random)];
      expect(parts).toEqual([...sampler.draw(20, Random.from(4))]);
    }
  });

  it.each([
    [{ name: "uniform" }, "Did you mean uniform"],
    [{ name: "uniformDiscrete" }, "timesteps is missing"],
    [{ name: "logitNormal", std: 0 }, "std must be a finite number above 0, not 0"],
    [{ name: "logitNormal", stdev: 1 }, "Did you mean std"],
    [{ name: "uniformContinuous", from: 0.5, to: 0.5 }, "from must be below to"],
  ])("refuses %j", (config, message) => {
    expect(() => timeSamplerFrom(config)).toThrow(ConfigError);
    expect(() => timeSamplerFrom(config)).toThrow(message);
  });
});

describe("objective", () => {
  it("draws the numbers that a training step feeds", () => {
    const path = vp(linear());
    const drawn = drawObjective(objective({ path, prediction: "v" }), 50, Random.from(5));
    expect(new Set(drawn.t).size).toBeGreaterThan(40);
    drawn.t.forEach((t, i) => {
      const alpha = Math.fround(Math.sqrt(path.alphaBars[t]));
      const sigma = Math.fround(Math.sqrt(1 - path.alphaBars[t]));
      expect([drawn.alpha[i], drawn.sigma[i]]).toEqual([alpha, sigma]);
      expect([drawn.targetSample[i], drawn.targetNoise[i]]).toEqual([-sigma, alpha]);
      expect([drawn.networkTime[i], drawn.weight[i]]).toEqual([t, 1]);
    });
  });

  it("draws for the straight line", () => {
    const drawn = drawObjective(
      objective({ path: straightLine(), prediction: "flow", time: logitNormal() }),
      8,
      Random.from(6),
    );
    drawn.t.forEach((t, i) => {
      expect([drawn.alpha[i], drawn.sigma[i], drawn.networkTime[i]]).toEqual([1 - t, t, 1000 * t].map(Math.fround));
      expect([drawn.targetSample[i], drawn.targetNoise[i]]).toEqual([-1, 1]);
    });
  });

  it("goes through JSON", () => {
    const given = objective({ path: straightLine(), prediction: "flow", time: logitNormal({ mean: 0.2 }) });
    const again = objectiveFrom(JSON.parse(JSON.stringify(given)));
    expect(again.toJSON()).toEqual(given.toJSON());
    expect(drawObjective(again, 9, Random.from(1))).toEqual(drawObjective(given, 9, Random.from(1)));
    expect(objectiveFrom({ path: { name: "cosine" }, prediction: "noise" }).toJSON()).toEqual({
      path: { name: "cosine", timesteps: 1000, s: 0.008, maxBeta: 0.999 },
      prediction: "noise",
      time: { name: "uniformDiscrete", timesteps: 1000 },
      weight: "simple",
    });
  });

  it("refuses parts that do not fit", () => {
    const path = vp(cosine({ timesteps: 100 }));
    expect(() => objective({ path, prediction: "noise", time: logitNormal() })).toThrow(
      "use uniformDiscrete({ timesteps: 100 })",
    );
    expect(() => objective({ path, prediction: "noise", time: uniformDiscrete({ timesteps: 1000 }) })).toThrow(
      ConfigError,
    );
    expect(() => objective({ path, prediction: "nose" as "noise" })).toThrow("Did you mean noise");
    expect(() => objective({ path, prediction: "noise", weight: "simpel" as "simple" })).toThrow("Did you mean simple");
    expect(() => objectiveFrom({ path: { name: "cosine" } })).toThrow("prediction is missing");
    expect(() => drawObjective(objective({ path, prediction: "noise" }), 0, Random.from(1))).toThrow("not 0");
  });
});
