import { describe, expect, it } from "vitest";
import { continuousVp } from "./continuous-vp.ts";
import { continuousCosine, gvp } from "./gvp.ts";
import { straightLine } from "./straight-line.ts";

describe("the interpolants of SiT", () => {
  it("has GVP's g at t = 0.25 of SiT, where t = 1 is data: (π/2) cot(πt/2) = 3.7922378", () => {
    // SiT's g is half of ours: dx = [v + w s] dt + sqrt(2 w) dW, w = g.
    expect(gvp().diffusion(0.75) / 2).toBeCloseTo(3.7922378, 7);
  });

  it("has g = (1 - t)/t on the line and beta/2 on VP, at SiT's t", () => {
    for (const t of [0.1, 0.4, 0.9]) {
      expect(straightLine().diffusion(1 - t) / 2).toBeCloseTo((1 - t) / t, 12);
      expect(continuousVp().diffusion(1 - t) / 2).toBeCloseTo((0.1 + (1 - t) * 19.9) / 2, 12);
    }
  });

  it("keeps the variance and has exact ends", () => {
    const path = gvp();
    expect([path.alpha(0), path.sigma(0), path.alpha(1), path.sigma(1)]).toEqual([1, 0, 0, 1]);
    for (const t of [0.2, 0.5, 0.8]) {
      expect(path.alpha(t)).toBeCloseTo(Math.cos((Math.PI * t) / 2), 15);
      expect(path.alpha(t) ** 2 + path.sigma(t) ** 2).toBeCloseTo(1, 15);
    }
    expect([path.logSnr(0), path.logSnr(1)]).toEqual([Infinity, -Infinity]);
  });

  it("is the continuous cosine schedule under another name", () => {
    const [a, b] = [gvp(), continuousCosine()];
    for (const t of [0, 0.3, 1]) expect(a.at(t)).toEqual(b.at(t));
    expect([a.name, b.name]).toEqual(["gvp", "continuousCosine"]);
    expect(gvp({ networkTime: "1-t" }).networkTime(0.25)).toBe(0.75);
  });
});
