/** Sliced score matching of a linear score, whose loss and gradient are known in closed form. */
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { objectiveFrom } from "../../diffusion/objective.ts";
import { add, input, matmul, reshape } from "../../graph/ops.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { lossesOf, stepOf } from "../testing/loss.ts";
import { lossOf } from "./registry.ts";

const D = 3;
const N = 5;
const imageShape = [D, 1, 1];
const random = Random.from(1);
const images = random.normals(N * D);
const noise = random.normals(N * D);
const matrix = random.normals(D * D);
const bias = random.normals(D);
const step = stepOf({ images, noise, imageShape });

/** out = x W + b, with W [D, D] and b [D] fed. */
const weights = input("W", [D, D]);
const linear = (x: Tensor) => reshape(add(matmul(reshape(x, [N, D]), weights), input("b", [D])), [N, ...imageShape]);

const row = (values: ArrayLike<number>, n: number) => Array.from({ length: D }, (_, i) => values[n * D + i]);
const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i], 0);
/** v W */
const times = (v: number[], w: ArrayLike<number>) =>
  v.map((_, j) => v.reduce((sum, value, i) => sum + value * w[i * D + j], 0));

describe("sliced score matching", () => {
  it("of s = x W + b is (½ |s|² + v W v) / D, with the gradient (x s + v v) / D", async () => {
    const objective = objectiveFrom({
      path: { name: "ve" },
      prediction: "score",
      weight: "sigmaSquared",
      loss: "slicedScore",
    });
    const loss = lossOf(objective);
    const options = { extra: { W: matrix, b: bias }, wanted: () => [weights] };
    const { losses, errors, times: t, slopes, feeds } = await lossesOf(loss, step, linear, options);
    const gradient = new Float64Array(D * D);
    for (let n = 0; n < N; n++) {
      const { alpha, sigma } = objective.path.at(t[n]);
      const x = row(images, n).map((value, i) => alpha * value + sigma * noise[n * D + i]);
      const s = times(x, matrix).map((value, i) => value + bias[i]);
      const v = row(feeds.direction, n);
      expect(v.every((value) => Math.abs(value) === 1)).toBe(true);
      const expected = (dot(s, s) / 2 + dot(times(v, matrix), v)) / D;
      expect(Math.abs(errors[n] / expected - 1)).toBeLessThan(1e-5);
      expect(Math.abs(losses[n] / (sigma ** 2 * expected) - 1)).toBeLessThan(1e-5);
      gradient.forEach((_, k) => {
        const [i, j] = [Math.floor(k / D), k % D];
        gradient[k] += (sigma ** 2 * (x[i] * s[j] + v[i] * v[j])) / D;
      });
    }
    const largest = Math.max(...gradient.map(Math.abs));
    slopes[0].forEach((value, k) => void expect(Math.abs(value - gradient[k]) / largest).toBeLessThan(1e-5));
  });

  it("takes the score out of any prediction: with the noise, s = -out / sigma", async () => {
    const of = (prediction: string) =>
      objectiveFrom({ path: { name: "continuousVp" }, prediction, loss: "slicedScore", time: { name: "stratified" } });
    const options = { extra: { W: matrix, b: bias } };
    const noisy = of("noise");
    const { losses, times: t, feeds } = await lossesOf(lossOf(noisy), step, linear, options);
    for (let n = 0; n < N; n++) {
      const { alpha, sigma } = noisy.path.at(t[n]);
      const x = row(images, n).map((value, i) => alpha * value + sigma * noise[n * D + i]);
      const s = times(x, matrix).map((value, i) => -(value + bias[i]) / sigma);
      const v = row(feeds.direction, n);
      const expected = (dot(s, s) / 2 - dot(times(v, matrix), v) / sigma) / D;
      expect(Math.abs(losses[n] / expected - 1)).toBeLessThan(1e-4);
    }
  });

  it("has no score where there is no noise", async () => {
    const objective = objectiveFrom({ path: { name: "straightLine" }, prediction: "flow", loss: "slicedScore" });
    const loss = lossOf({ ...objective, time: { ...objective.time, draw: () => new Float64Array(N) } });
    await expect(lossesOf(loss, step, linear)).rejects.toThrow(ConfigError);
  });
});
