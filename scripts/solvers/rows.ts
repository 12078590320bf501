/** The solvers of the tables in docs/solvers.md: how each is called for a number of steps, and what is known of it. */
import { ConfigError } from "../../src/core/errors.ts";
import type { Denoiser } from "../../src/diffusion/denoiser.ts";
import { type SampleOptions, solve } from "../../src/diffusion/solvers/solver.ts";
import { type SolverConfig, solverOf } from "../../src/recipes/recipe.ts";

export interface SolverRow {
  /** As in the tables. */
  readonly label: string;
  /** The problem of `orders.ts` that its order is measured on. */
  readonly problem: "edm" | "line" | "linear";
  /** Order of accuracy in the literature; absent for a stochastic solver, which has no end point. */
  readonly order?: number;
  options(steps: number): SolverConfig;
  /** How it is called on a discrete variance-preserving path, for pictures; absent where it cannot run there. */
  pictures?(steps: number): SolverConfig;
}

const karras = { schedule: "karras" } as const;

/** A solver of noise levels: Karras' levels of the EDM path for its order, evenly spaced timesteps for pictures. */
function row(label: string, order: number | undefined, config: (steps: number) => SolverConfig): SolverRow {
  return {
    label,
    problem: "edm",
    order,
    options: (steps) => ({ ...config(steps), ...karras }) as SolverConfig,
    pictures: (steps) => ({ ...config(steps), clip: 1 }) as SolverConfig,
  };
}

/** A solver that is stochastic, or that has no order of its own: for pictures alone. */
function drawn(label: string, config: (steps: number) => SolverConfig): SolverRow {
  return { label, problem: "linear", options: config, pictures: config };
}

export const solverRows: readonly SolverRow[] = [
  {
    label: "DDIM",
    problem: "linear",
    order: 1,
    options: (steps) => ({ name: "ddim", steps, clip: false }),
    pictures: (steps) => ({ name: "ddim", steps, clip: false }),
  },
  {
    ...row("PNDM", 2, (steps) => ({ name: "pndm", steps })),
    problem: "linear",
    options: (steps) => ({ name: "pndm", steps }),
  },
  row("Euler", 1, (steps) => ({ name: "euler", steps })),
  row("Heun", 2, (steps) => ({ name: "heun", steps })),
  row("DPM2", 2, (steps) => ({ name: "dpm2", steps })),
  row("LMS, order 4", 4, (steps) => ({ name: "lms", steps, order: 4 })),
  row("DPM++ 2S", 2, (steps) => ({ name: "dpmppSinglestep", steps, order: 2 })),
  row("DPM++ 3S", 3, (steps) => ({ name: "dpmppSinglestep", steps, order: 3 })),
  row("DPM++ 2M", 2, (steps) => ({ name: "dpmppMultistep", steps, order: 2 })),
  row("DPM++ 3M", 3, (steps) => ({ name: "dpmppMultistep", steps, order: 3 })),
  row("UniPC, order 2", 3, (steps) => ({ name: "unipc", steps, order: 2 })),
  row("UniPC, order 3", 4, (steps) => ({ name: "unipc", steps, order: 3 })),
  { label: "Euler of the flow", problem: "line", order: 1, options: (steps) => ({ name: "flowEuler", steps }) },
  { label: "Heun of the flow", problem: "line", order: 2, options: (steps) => ({ name: "flowHeun", steps }) },
  drawn("DDPM, small variance", (steps) => ({ name: "ddpm", steps, variance: "small" })),
  drawn("Euler, ancestral", (steps) => ({ name: "eulerAncestral", steps, clip: 1 })),
  drawn("DPM2, ancestral", (steps) => ({ name: "dpm2Ancestral", steps, clip: 1 })),
  drawn("DPM++ 2S, ancestral", (steps) => ({ name: "dpmpp2sAncestral", steps, clip: 1 })),
  drawn("DPM++ SDE", (steps) => ({ name: "dpmppSde", steps, clip: 1 })),
  drawn("DPM++ 2M SDE", (steps) => ({ name: "dpmppMultistepSde", steps, order: 2, clip: 1 })),
  drawn("DPM++ 3M SDE", (steps) => ({ name: "dpmppMultistepSde", steps, order: 3, clip: 1 })),
  drawn("predictor-corrector", (steps) => ({ name: "predictorCorrector", steps })),
  drawn("LCM", (steps) => ({ name: "lcm", steps, boundary: "none", clip: 1 })),
];

/** The rows that can draw pictures on a discrete variance-preserving path. */
export const pictureRows = solverRows.filter((row) => row.pictures !== undefined);

/** Runs a solver and counts how often it asks the denoiser; undefined where it refuses, so few steps for example. */
export async function counted(
  config: SolverConfig,
  denoiser: Denoiser,
  options: SampleOptions,
): Promise<{ images: Float32Array; calls: number } | undefined> {
  let calls = 0;
  const denoise: Denoiser["denoise"] = (x, at, condition) => {
    calls++;
    return denoiser.denoise(x, at, condition);
  };
  try {
    const images = await solve(solverOf(config), { path: denoiser.path, denoise }, options);
    return { images, calls };
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
