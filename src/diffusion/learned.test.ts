import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { learned } from "./learned.ts";

const network = { inner: [3, -8], innerBias: [0.2, -1], outer: [20, 9] };

describe("the learned schedule of VDM", () => {
  it("is a line in log-SNR by default, from 13.3 to -5", () => {
    const path = learned();
    expect(path.logSnr(0)).toBeCloseTo(13.3, 12);
    expect(path.logSnr(1)).toBeCloseTo(-5, 12);
    expect(path.sigma(0.5) ** 2).toBeCloseTo(1 / (1 + Math.exp(4.15)), 14);
    expect(path.gamma(0.5).dGamma).toBe(18.3);
    // g² = sigma² gamma', f = -sigma² gamma' / 2 on a path that keeps the variance.
    expect(path.diffusion(0.5)).toBeCloseTo(path.sigma(0.5) ** 2 * 18.3, 12);
    expect(path.drift(0.5)).toBeCloseTo((-(path.sigma(0.5) ** 2) * 18.3) / 2, 12);
  });

  it("takes the size of its weights, so that gamma rises whatever they are", () => {
    const flipped = learned({ slope: -2, inner: [-3, 8], innerBias: [0.2, -1], outer: [-20, -9] });
    const plain = learned({ slope: 2, ...network });
    for (const t of [0, 0.3, 1]) expect(flipped.at(t)).toEqual(plain.at(t));
    const values = Array.from({ length: 101 }, (_, i) => plain.gamma(i / 100).gamma);
    expect(values.every((value, i) => i === 0 || value > values[i - 1])).toBe(true);
  });

  it("feeds the network 1000 (gamma - from) / (to - from)", () => {
    expect(learned().networkTime(0.25)).toBeCloseTo(250, 10);
    expect(learned({ offset: -10, slope: 10, networkRange: [-20, 0] }).networkTime(0.5)).toBeCloseTo(750, 10);
  });

  it("takes typed arrays and keeps them as plain JSON", () => {
    const arrays = {
      inner: Float32Array.of(3, -8),
      innerBias: Float32Array.of(0.25, -1),
      outer: Float32Array.of(20, 9),
    };
    const path = learned(arrays as never);
    expect(path.toJSON()).toMatchObject({ inner: [3, -8], innerBias: [0.25, -1], outer: [20, 9] });
  });

  it.each([
    [{ slope: 0 }, "gamma must rise from t = 0 to t = 1, but it goes from -13.3 to -13.3"],
    [{ slope: 0, inner: [0], innerBias: [0], outer: [1] }, "gamma must rise"],
    [{ inner: [1] }, "inner, innerBias and outer belong together"],
    [{ ...network, outer: [1] }, "must have one length, not 2, 2 and 1"],
    [{ ...network, outer: [1, Number.NaN] }, "outer must be a list of at least one finite number"],
    [{ networkRange: [5, -13] as const }, "networkRange must be two finite numbers, the first below the second"],
  ])("refuses %j", (options, message) => {
    expect(() => learned(options)).toThrow(ConfigError);
    expect(() => learned(options)).toThrow(message);
  });
});
