import { describe, expect, it } from "vitest";
import { median, quantile, ratioOf, stepsThatFit, summary } from "../bench/statistics.ts";

describe("quantile", () => {
  it("is linear between neighbours, as numpy's", () => {
    // numpy.quantile([7, 1, 3, 10], [0, .25, .5, .75, 1])
    const values = [7, 1, 3, 10];
    expect([0, 0.25, 0.5, 0.75, 1].map((q) => quantile(values, q))).toEqual([1, 2.5, 5, 7.75, 10]);
    expect(values).toEqual([7, 1, 3, 10]);
  });

  it("sorts by size, not as text", () => expect(median([9, 100, 20])).toBe(20));

  it("of one value is that value", () => expect(summary([4])).toEqual({ median: 4, quartiles: [4, 4] }));

  it("says what to do without values", () => expect(() => median([])).toThrow(/at least one step/));
});

describe("ratioOf", () => {
  it("compares within rounds, so that a slow spell of the machine cancels out", () => {
    const rounds = [
      { ours: [10, 10, 50], peer: [20, 20, 20] },
      { ours: [100, 100, 100], peer: [200, 200, 900] },
      { ours: [10, 12, 14], peer: [18, 36, 40] },
    ];
    expect(ratioOf(rounds)).toEqual({ median: 2, quartiles: [2, 2.5] });
  });

  it("is above 1 when the peer takes longer", () => {
    expect(ratioOf([{ ours: [1], peer: [4] }]).median).toBe(4);
  });
});

describe("stepsThatFit", () => {
  const plan = { most: 3, rounds: 5, budgetMs: 60_000 };

  it("is what was asked for when there is time", () => expect(stepsThatFit({ ...plan, stepMs: 100 })).toBe(3));
  it("is less for slow steps", () => expect(stepsThatFit({ ...plan, stepMs: 6000 })).toBe(2));
  it("is never less than one", () => expect(stepsThatFit({ ...plan, stepMs: 1e6 })).toBe(1));
});
