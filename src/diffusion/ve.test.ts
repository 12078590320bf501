import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { edm } from "./edm.ts";
import { ve } from "./ve.ts";

describe("the variance-exploding path", () => {
  it("is geometric between its ends, which are exact", () => {
    const path = ve();
    expect(path.sigma(0.5)).toBeCloseTo(Math.SQRT1_2, 14); // sqrt(0.01 · 50) = 0.7071068
    expect([path.sigma(0), path.sigma(1), path.alpha(0.3)]).toEqual([0.01, 50, 1]);
    expect(path.sigma(0.25) ** 2).toBeCloseTo(path.sigma(0) * path.sigma(0.5), 14);
  });

  it("has no drift, and the diffusion 2 sigma² ln(sigmaMax / sigmaMin)", () => {
    const path = ve();
    for (const t of [0, 0.3, 1]) {
      const sigma = 0.01 * 5000 ** t;
      expect(path.drift(t)).toBe(0);
      expect(path.diffusion(t) / (2 * sigma ** 2 * Math.log(5000))).toBeCloseTo(1, 12);
    }
  });

  it("has the ten levels of NCSN, 1 to 0.01", () => {
    const path = ve({ sigmaMin: 0.01, sigmaMax: 1, timesteps: 10 });
    expect([path.timesteps, path.span]).toEqual([10, [0, 9]]);
    for (let t = 0; t < 10; t++) {
      expect(path.sigma(t)).toBeCloseTo(10 ** (-2 + (2 * t) / 9), 14);
      expect(path.networkTime(t)).toBe(t);
    }
  });

  it("feeds the network sigma, or what is asked for", () => {
    expect(ve().networkTime(1)).toBe(50);
    expect(ve({ networkTime: "999t" }).networkTime(0.5)).toBe(499.5);
    expect(ve({ timesteps: 3, networkTime: "sigma" }).networkTime(2)).toBe(50);
  });

  it("refuses an empty interval, and a clock that its timesteps do not have", () => {
    expect(() => ve({ sigmaMin: 2, sigmaMax: 2 })).toThrow(
      "ve: sigmaMin must be below sigmaMax, but they are 2 and 2: there is no interval between",
    );
    expect(() => ve({ sigmaMin: 0 })).toThrow(ConfigError);
    expect(() => ve({ timesteps: 1 })).toThrow("timesteps must be an integer from 2");
    expect(() => ve({ timesteps: 10, networkTime: "999t" })).toThrow(
      'with timesteps the network is fed "t" or "sigma"',
    );
  });
});

describe("the path of EDM", () => {
  it("has its noise level for time: dx = sqrt(2 t) dw", () => {
    const path = edm();
    expect(path.span).toEqual([0.002, 80]);
    for (const t of [0.002, 0.5, 80]) {
      expect(path.at(t)).toEqual({ t, alpha: 1, sigma: t, dAlpha: 0, dSigma: 1, networkTime: t });
      expect([path.drift(t), path.diffusion(t)]).toEqual([0, 2 * t]);
    }
    expect(path.timeOfLogSnr(-2 * Math.log(0.5))).toBeCloseTo(0.5, 15);
  });

  it("refuses a sigma outside of its range", () => {
    expect(() => edm().at(80.1)).toThrow("the edm path has the times 0.002 to 80; it was asked for t = 80.1");
    expect(() => edm().sigma(0)).toThrow(ConfigError);
    expect(() => edm().timeOfLogSnr(-2 * Math.log(81))).toThrow("sigma / alpha from 0.002");
    expect(() => edm({ sigmaMin: 1, sigmaMax: 0.5 })).toThrow("there is no interval between");
  });
});
