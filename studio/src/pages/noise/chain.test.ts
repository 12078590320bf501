import { noised, type PathName, pathFrom, paths, Random } from "langevin/browser";
import { describe, expect, test } from "vitest";
import { chainTimes, composedNoise, linksOf, noiseWeights, walk } from "./chain.ts";
import { schedules, timeAt } from "./schedules.ts";
import { difference, momentsOf } from "./statistics.ts";

const random = Random.from(3, "chain");
const noiseOf = (size: number) => (step: number) => random.fork(step).normals(size);
const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);

describe("a chain of small steps", () => {
  test("every path but the table of betas can be chosen", () => {
    const all = Object.keys(paths).filter((name) => name !== ("betas" satisfies PathName));
    expect(schedules.map(({ value }) => value).sort()).toEqual(all.sort());
  });

  test.each(schedules.map(({ value }) => value))("%s: factors and variances end at alpha and sigma²", (name) => {
    const path = pathFrom({ name });
    for (const u of [0.02, 0.4, 0.9, 1]) {
      const t = timeAt(path, u);
      for (const count of [1, 7, 50]) {
        const links = linksOf(path, chainTimes(path, t, count));
        expect(links.at(-1)!.t).toBe(t);
        const factor = links.reduce((product, link) => product * link.keep, 1);
        expect(Math.abs(factor - path.alpha(t))).toBeLessThan(1e-12);
        const variance = sum(noiseWeights(links).map((weight) => weight ** 2));
        expect(Math.abs(variance / path.sigma(t) ** 2 - 1)).toBeLessThan(1e-9);
      }
    }
  });

  test("step by step along DDPM's timesteps it is q(x_t | x_{t-1}): a² = 1 - beta, b² = beta", () => {
    const links = linksOf(pathFrom({ name: "linear" }), chainTimes(pathFrom({ name: "linear" }), 299, 300));
    expect(links).toHaveLength(300);
    links.forEach(({ t, keep, spread }, step) => {
      const beta = 1e-4 + (step * (0.02 - 1e-4)) / 999;
      expect(t).toBe(step);
      expect(keep ** 2).toBeCloseTo(1 - beta, 12);
      expect(spread ** 2).toBeCloseTo(beta, 12);
    });
  });

  test("a path of timesteps has no more steps than timesteps", () => {
    const path = pathFrom({ name: "cosine" });
    expect(chainTimes(path, 4, 50)).toEqual([0, 1, 2, 3, 4]);
    expect(chainTimes(path, 9, 3)).toEqual([2, 6, 9]);
    expect(chainTimes(pathFrom({ name: "ve" }), 0.5, 2)).toEqual([0.25, 0.5]);
  });

  test("with the noises of the steps added up, one jump is the same picture to rounding", () => {
    const x0 = Random.from(1).fillUniform(new Float32Array(3000));
    for (const name of ["linear", "straightLine", "subVp", "edm"] as const) {
      const path = pathFrom({ name });
      const t = timeAt(path, 0.6);
      const links = linksOf(path, chainTimes(path, t, 30));
      const chain = walk(x0, links, noiseOf(3000)).at(-1)!;
      const jump = noised(x0, composedNoise(links, noiseOf(3000), 3000), path, t);
      expect(difference(chain, jump).largest).toBeLessThan(4e-6 * Math.max(1, path.sigma(t)));
    }
  });

  test("with fresh noise the law is the same: mean and variance within five standard errors", () => {
    const size = 20_000;
    const path = pathFrom({ name: "cosine" });
    const links = linksOf(path, chainTimes(path, 500, 20));
    const { mean, variance } = momentsOf(walk(new Float32Array(size).fill(0.5), links, noiseOf(size)).at(-1)!);
    const sigma = path.sigma(500);
    expect(Math.abs(mean - 0.5 * path.alpha(500))).toBeLessThan((5 * sigma) / Math.sqrt(size));
    expect(Math.abs(variance - sigma ** 2)).toBeLessThan(5 * sigma ** 2 * Math.sqrt(2 / size));
  });
});
