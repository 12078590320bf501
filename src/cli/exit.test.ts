import { CommanderError } from "commander";
import { describe, expect, it } from "vitest";
import { ConfigError, DataError } from "../core/errors.ts";
import { pathFrom } from "../diffusion/path.ts";
import { ddim } from "../diffusion/solvers/ddim.ts";
import { Interrupted, interruptible, outcomeOf } from "./exit.ts";
import { chosenSolver } from "./model.ts";

describe("how a command ends", () => {
  it("is told by the kind of the error", () => {
    expect(outcomeOf(new ConfigError("no"), {})).toEqual([2, "langevin: no"]);
    expect(outcomeOf(new DataError("empty"), {})).toEqual([1, "langevin: empty"]);
    expect(outcomeOf(new Interrupted("stopped"), {})).toEqual([130, "stopped"]);
    expect(outcomeOf(new CommanderError(1, "x", "printed already"), {})).toEqual([2]);
    expect(outcomeOf(new CommanderError(0, "commander.helpDisplayed", ""), {})).toEqual([0]);
    expect(outcomeOf(new TypeError("x is undefined\nand more"), {})[1]).toMatch(/unexpected error: x is undefined \(/);
  });

  it("shows where an error came from with LANGEVIN_DEBUG", () => {
    expect(outcomeOf(new ConfigError("no"), { LANGEVIN_DEBUG: "1" })[1]).toMatch(/ConfigError: no\n {4}at /);
  });

  it("is asked for by the first signal, and listens no longer than the work", () => {
    const notes: string[] = [];
    const listeners = process.listenerCount("SIGINT");
    {
      using interrupt = interruptible((text) => notes.push(text));
      expect(interrupt.signal.aborted).toBe(false);
      process.emit("SIGINT");
      expect(interrupt.signal.aborted).toBe(true);
    }
    expect(notes).toHaveLength(1);
    expect(process.listenerCount("SIGINT")).toBe(listeners);
  });
});

describe("the solver of a command line", () => {
  const path = pathFrom({ name: "linear" });
  const own = { name: "ddim", ...ddim({ steps: 30, eta: 0.5 }).config } as Parameters<typeof chosenSolver>[0];

  it("is the recipe's, with the options that are given", () => {
    expect(chosenSolver(own, {}, path).config).toMatchObject({ steps: 30, eta: 0.5 });
    expect(chosenSolver(own, { steps: 7 }, path).config).toMatchObject({ steps: 7, eta: 0.5 });
    expect(chosenSolver(own, { set: ["eta=0", "clip=false"] }, path).config).toMatchObject({
      steps: 30,
      eta: 0,
      clip: false,
    });
  });

  it("starts from its own defaults where it is another one", () => {
    expect(chosenSolver(own, { solver: "ddpm" }, path)).toMatchObject({ name: "ddpm", config: { variance: "large" } });
    expect(chosenSolver({ name: "ddpm" }, { solver: "ddim" }, path).config).toMatchObject({ steps: 50, eta: 0 });
    expect(() => chosenSolver(own, { set: ["eta"] }, path)).toThrow(/option=value/);
    expect(() => chosenSolver(own, { set: ["etta=1"] }, path)).toThrow(/Did you mean eta/);
    expect(() => chosenSolver(own, { solver: "dimm" }, path)).toThrow(/unknown solver "dimm"/);
  });

  it("has the steps that it lacks on the path: 50, or as many as there are", () => {
    const steps = (solver: string, on = path) => (chosenSolver(own, { solver }, on).config as { steps?: number }).steps;
    expect(["heun", "pndm", "unipc", "dpmppMultistep"].map((name) => steps(name))).toEqual([50, 50, 50, 50]);
    expect(steps("euler", pathFrom({ name: "ve", timesteps: 10 }))).toBe(10);
    expect(steps("annealedLangevin")).toBeUndefined(); // it has a number of its own
    const given = ["solver.sigmas=[2,1,0.5]"];
    expect(chosenSolver(own, { solver: "heun", set: given }, path).config).toMatchObject({ sigmas: [2, 1, 0.5] });
    expect(() => chosenSolver(own, { solver: "heun", set: ["rho=-1"] }, path)).toThrow(/rho/);
  });
});
