import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { cosine, linear, vp } from "./discrete-vp.ts";
import { drawObjective, objective, objectiveFrom } from "./objective.ts";
import { straightLine } from "./straight-line.ts";
import { logitNormal, uniformContinuous, uniformDiscrete } from "./time-sampler.ts";

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
      loss: "simple",
      offsetNoise: 0,
    });
    const config = {
      path: { name: "linear" },
      prediction: "v",
      time: { name: "lossSecondMoment", timesteps: 1000 },
      weight: { name: "minSnr" },
      loss: { name: "vlb", variance: "fixedSmall" },
      offsetNoise: 0.1,
    };
    expect(objectiveFrom(config).toJSON()).toMatchObject({
      ...config,
      time: { name: "lossSecondMoment", timesteps: 1000, length: 10, uniform: 0.001 },
      weight: { name: "minSnr", gamma: 5 },
    });
    expect(objectiveFrom(objectiveFrom(config).toJSON()).toJSON()).toEqual(objectiveFrom(config).toJSON());
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
    expect(() =>
      objective({ path: straightLine(), prediction: "flow", time: uniformContinuous({ from: 0, to: 2 }) }),
    ).toThrow("draws from 0 to 2, but the path straightLine has the times 0 to 1");
    const wrong = (more: object) => () => objectiveFrom({ path: { name: "cosine" }, prediction: "noise", ...more });
    expect(wrong({ offsetNoise: 2 })).toThrow("offsetNoise must be a finite number from 0 to 1, not 2");
    expect(wrong({ weight: { name: "minSnr", gama: 5 } })).toThrow("Did you mean gamma");
    expect(wrong({ weight: { name: "minSnr", gamma: 0 } })).toThrow("gamma must be a finite number above 0, not 0");
    expect(wrong({ loss: "hybird" })).toThrow("Did you mean hybrid");
    expect(wrong({ loss: { name: "vlb", variance: "fixed" } })).toThrow('variance must be "learned" or');
    expect(wrong({ loss: { name: "simple", bound: 1 } })).toThrow('unknown option "bound". It takes none');
    expect(wrong({ los: "simple" })).toThrow("Did you mean loss");
    expect(() => drawObjective(objective({ path, prediction: "noise" }), 0, Random.from(1))).toThrow("not 0");
  });
});
