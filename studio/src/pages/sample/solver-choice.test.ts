import { pathFrom } from "langevin/browser";
import { expect, test } from "vitest";
import { chooseSolver, solverLines, solverNames } from "./solver-choice.ts";

test("every solver has its line, once", () => {
  expect(new Set(solverNames).size).toBe(solverNames.length);
  expect(new Set(Object.values(solverLines).map(({ title }) => title)).size).toBe(solverNames.length);
});

test("what walks along sigma gets an end of it on the straight line", () => {
  const path = pathFrom({ name: "straightLine" });
  expect(chooseSolver("heun", 12, path).config).toEqual({ name: "heun", steps: 12, sigmaMax: 80 });
  expect(chooseSolver("ddim", 12, path).config).toEqual({ name: "ddim", steps: 12 });
  expect(chooseSolver("ddpm", 12, path).reason).toMatch(/discrete/);
});

test("a run's own solver keeps its options", () => {
  const own = { name: "ddim", steps: 50, noiseFromClipped: true } as const;
  const path = pathFrom({ name: "straightLine" });
  expect(chooseSolver("ddim", 10, path, own).config).toEqual({ name: "ddim", steps: 10, noiseFromClipped: true });
  expect(chooseSolver("unipc", 10, path, own).config).toEqual({ name: "unipc", steps: 10 });
});

test.each(["linear", "straightLine", "edm", "continuousCosine", "ve"] as const)(
  "on the path %s most solvers work",
  (name) => {
    const path = pathFrom({ name });
    const works = solverNames.filter((solver) => chooseSolver(solver, 20, path).config);
    expect(works.length).toBeGreaterThanOrEqual(15);
  },
);
