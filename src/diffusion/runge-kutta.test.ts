import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { type AdaptiveOptions, adaptive, dormandPrinceStep, type Reached, type Slope } from "./runge-kutta.ts";

/** y' = -2 t y and a rotation, in one system: exp(-t²), cos t, sin t. */
const slope: Slope = async (t, [a, b, c]) => Float64Array.of(-2 * t * a, -c, b);
const exact = (t: number) => [Math.exp(-t * t), Math.cos(t), Math.sin(t)];
const start = () => ({ t: 0, y: Float64Array.of(1, 1, 0) });
const worst = (found: ArrayLike<number>, wanted: readonly number[]) =>
  Math.max(...wanted.map((value, i) => Math.abs(value - found[i])));

async function solved(f: Slope, stops: number[], options: Partial<AdaptiveOptions> = {}, from = start()) {
  const reached: Reached[] = [];
  for await (const one of adaptive(f, from, stops, { rtol: 1e-6, atol: 1e-6, ...options })) reached.push(one);
  return reached;
}

describe("dormandPrinceStep", () => {
  it("is of order 5, and its difference of order 5 in one step (an order 4 method)", async () => {
    const errorWith = async (steps: number) => {
      let y: Float64Array = start().y;
      let last = await slope(0, y);
      let difference = new Float64Array();
      for (let i = 0; i < steps; i++) {
        const step = await dormandPrinceStep(slope, (2 * i) / steps, y, last, (2 * (i + 1)) / steps);
        ({ y, slope: last } = step);
        if (i === 0) difference = step.difference;
      }
      return { error: worst(y, exact(2)), difference: Math.abs(difference[1]) };
    };
    const [coarse, fine] = [await errorWith(20), await errorWith(40)];
    expect(Math.log2(coarse.error / fine.error)).toBeGreaterThan(4.7);
    expect(Math.log2(coarse.error / fine.error)).toBeLessThan(5.6);
    expect(Math.log2(coarse.difference / fine.difference)).toBeGreaterThan(4.7);
  });

  it("hands on the slope at its end", async () => {
    const step = await dormandPrinceStep(slope, 0, start().y, await slope(0, start().y), 0.3);
    expect([...step.slope]).toEqual([...(await slope(0.3, step.y))]);
  });
});

describe("adaptive", () => {
  it("has an error that follows the tolerance, in either direction", async () => {
    for (const tolerance of [1e-4, 1e-6, 1e-8, 1e-10]) {
      const options = { rtol: tolerance, atol: tolerance };
      const [there] = await solved(slope, [3], options);
      expect(worst(there.y, exact(3))).toBeLessThan(20 * tolerance);
      const [back] = await solved(slope, [-2], options);
      expect(worst(back.y, exact(-2))).toBeLessThan(20 * tolerance);
    }
    const [loose, tight] = [await solved(slope, [3]), await solved(slope, [3], { rtol: 1e-10, atol: 1e-10 })];
    expect(tight[0].evaluations).toBeGreaterThan(2 * loose[0].evaluations);
  });

  it("lands on every stop", async () => {
    const stops = [0.5, 0.50001, 2, 3];
    const reached = await solved(slope, stops);
    expect(reached.map(({ t }) => t)).toEqual(stops);
    for (const { t, y } of reached) expect(worst(y, exact(t))).toBeLessThan(2e-5);
  });

  it("holds each segment to the tolerance", async () => {
    // One fast element beside 99 that stay: measured together, its error counts a tenth.
    const f: Slope = async (t, y) => y.map((_, i) => (i === 0 ? 20 * Math.cos(20 * t) : 0));
    const from = () => ({ t: 0, y: new Float64Array(100) });
    const error = async (segments?: number[]) =>
      Math.abs((await solved(f, [3], { rtol: 1e-4, atol: 1e-4, segments }, from()))[0].y[0] - Math.sin(60));
    const [apart, together] = [await error([1, 99]), await error()];
    expect(apart).toBeLessThan(1e-3);
    expect(together).toBeGreaterThan(apart);
  });

  it("says so when no step meets the tolerance", async () => {
    const wild: Slope = async (t, y) => y.map(() => (t < 0.5 ? 1 : Number.NaN));
    const run = solved(wild, [1]);
    await expect(run).rejects.toThrow(ConfigError);
    await expect(run).rejects.toThrow("no step meets the tolerances rtol 0.000001");
  });

  it("stops with the reason of its signal", async () => {
    const controller = new AbortController();
    let calls = 0;
    const f: Slope = async (t, y) => {
      if (++calls === 20) controller.abort(new Error("enough"));
      return slope(t, y);
    };
    await expect(solved(f, [30], { signal: controller.signal })).rejects.toThrow("enough");
    expect(calls).toBeLessThan(27);
  });
});
