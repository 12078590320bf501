/**
 * The exact moments of a chain on Gaussian data. A step of a stochastic solver that is linear in x, score and noise,
 *
 *   x' = a x + b score(x) + offset + std z,     score(x) = -(x - alpha mean) / (alpha² std² + sigma²)
 *
 * keeps x normal; its mean and variance follow in float64, apart from any code of the solver.
 */
import { expect } from "vitest";
import type { Level } from "../path-contract.ts";
import { type Gaussian, momentsOf } from "./gaussian.ts";

type Place = Pick<Level, "alpha" | "sigma">;

/** x' = x times `x`, plus the score times `score`, plus normal noise. */
export interface LinearStep {
  x: number;
  score: number;
  std: number;
}

/** The moments after a step from a level, for data ~ N(mean, std²). */
export function afterStep(data: Gaussian, before: Gaussian, { alpha, sigma }: Place, step: LinearStep): Gaussian {
  const total = (alpha * data.std) ** 2 + sigma ** 2;
  const slope = step.x - step.score / total;
  const offset = (step.score * alpha * data.mean) / total;
  return { mean: slope * before.mean + offset, std: Math.hypot(slope * before.std, step.std) };
}

/** x0hat of Tweedie, (x + sigma² score) / alpha, as a step. */
export function denoising({ alpha, sigma }: Place): LinearStep {
  return { x: 1 / alpha, score: sigma ** 2 / alpha, std: 0 };
}

/** Holds numbers to moments, within five standard errors of the mean and the standard deviation and a relative slack. */
export function expectMoments(values: Float32Array, expected: Gaussian, slack = 0): void {
  const found = momentsOf(values);
  const size = values.length;
  const room = 1e-5 + slack * expected.std;
  expect(Math.abs(found.mean - expected.mean)).toBeLessThan((5 * expected.std) / Math.sqrt(size) + room);
  expect(Math.abs(found.std - expected.std)).toBeLessThan((5 * expected.std) / Math.sqrt(2 * size) + room);
}
