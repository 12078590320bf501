import { expect, test } from "vitest";
import { ConfigError, ShapeError } from "../core/errors.ts";
import { pathFrom } from "../diffusion/path.ts";
import { solverFrom } from "../diffusion/solvers/registry.ts";
import type { SolverStep } from "../diffusion/solvers/solver.ts";
import { pairsDenoiser } from "../diffusion/testing/gaussian-pairs.ts";
import { filled } from "./fill.ts";

const R = 0.9;
const path = pathFrom({ name: "straightLine" });
const conditional = { mean: R, std: Math.sqrt(1 - R * R) }; // of the second number, beside a first one of 1

async function fillPairs(pairs: number, rounds: number, solver = solverFrom("ddim", { steps: 40, clip: false })) {
  const options = {
    known: Float32Array.from({ length: 2 * pairs }, (_, i) => (i % 2 === 0 ? 1 : 99)),
    drawn: Uint8Array.from({ length: 2 * pairs }, (_, i) => i % 2),
    rounds,
    shape: [pairs, 2],
    seed: 4,
  };
  const steps: SolverStep[] = [];
  for await (const step of filled(solver, pairsDenoiser(R, path), options)) steps.push(step);
  return steps;
}

function secondOf({ x }: SolverStep) {
  const values = x.filter((_, i) => i % 2 === 1);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const std = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  return { mean, std };
}

test("rounds bring what is drawn towards its conditional distribution", async () => {
  const [none, four, twenty] = await Promise.all(
    [0, 4, 20].map(async (rounds) => (await fillPairs(2000, rounds)).at(-1)!),
  );
  const off = (step: SolverStep) => {
    const { mean, std } = secondOf(step);
    return Math.abs(mean - conditional.mean) + Math.abs(std - conditional.std);
  };
  expect(off(four)).toBeLessThan(0.35 * off(none));
  expect(off(twenty)).toBeLessThan(0.2 * off(none));
});

test.each(["ddim", "flowHeun", "euler"] as const)(
  "%s: what was known stays to the bit, and steps are numbered through",
  async (name) => {
    const options = { euler: { steps: 10, sigmaMax: 80 }, ddim: { steps: 10 }, flowHeun: { steps: 10 } }[name];
    const steps = await fillPairs(3, 2, solverFrom(name, options as unknown));
    const of = 10 + 5 + 2; // back to half of the steps, then to four fifths
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: of }, (_, i) => i + 1));
    expect(new Set(steps.map((step) => step.of))).toEqual(new Set([of]));
    const { x } = steps.at(-1)!;
    expect([x[0], x[2], x[4]]).toEqual([1, 1, 1]);
    expect(x[1]).not.toBe(99);
  },
);

test("a solver of one step makes it, once", async () => {
  const steps = await fillPairs(3, 4, solverFrom("ddim", { steps: 1 }));
  expect(steps.map(({ step, of }) => [step, of])).toEqual([[1, 1]]);
});

test("the same seed fills in the same", async () => {
  const [a, b] = [await fillPairs(2, 2), await fillPairs(2, 2)];
  expect(a.at(-1)!.x).toEqual(b.at(-1)!.x);
});

test("rounds that are no number, and masks that do not fit", async () => {
  await expect(fillPairs(2, -1)).rejects.toThrow(ConfigError);
  const options = { known: new Float32Array(4), drawn: new Uint8Array(3), shape: [2, 2], seed: 0 };
  const steps = filled(solverFrom("ddim", { steps: 2 }), pairsDenoiser(R, path), options);
  await expect(steps.next()).rejects.toThrow(ShapeError);
});
