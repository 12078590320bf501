/**
 * The solvers as one chooses them: a plain line for each, whether it works on the path of a run, and with which options.
 *
 * Some ask for more than a number of steps: those that walk along sigma / alpha need an end of it where the path begins in
 * pure noise. They are given 80, the end of EDM's own path.
 */
import { type Path, type SolverConfig, type SolverName, solverFrom } from "langevin/browser";

interface Line {
  readonly title: string;
  readonly line: string;
}

/** What each solver does, in a line. */
export const solverLines: Readonly<Record<SolverName, Line>> = {
  ddim: {
    title: "DDIM",
    line: "Straight towards the predicted picture, and back up to the next noise level with the same noise. Same seed, same picture.",
  },
  ddpm: {
    title: "DDPM",
    line: "The original: each step takes away some noise and adds a little new. Good with hundreds of steps.",
  },
  dpmppMultistep: {
    title: "DPM++ multistep",
    line: "Remembers the last predictions to bend each step along the curve. Good from about 15 steps.",
  },
  dpmppMultistepSde: {
    title: "DPM++ multistep, with noise",
    line: "The same, with fresh noise in each step, which washes out early mistakes.",
  },
  dpmppSinglestep: { title: "DPM++ singlestep", line: "Looks ahead within each group of steps instead of back." },
  unipc: {
    title: "UniPC",
    line: "Predicts a step, then corrects it with what the network says there, at no extra cost. Good from about 10 steps.",
  },
  euler: { title: "Euler", line: "The simplest: follow the slope to the next noise level." },
  eulerAncestral: {
    title: "Euler, ancestral",
    line: "Goes a little too far down in noise and adds fresh noise to make up for it.",
  },
  heun: {
    title: "Heun",
    line: "Looks at the slope at both ends of a step and takes the mean. Twice the work, far smaller errors.",
  },
  dpm2: { title: "DPM2", line: "Takes the slope in the middle of the step. Twice the work of Euler." },
  dpm2Ancestral: { title: "DPM2, ancestral", line: "The slope in the middle, and fresh noise in each step." },
  lms: { title: "LMS", line: "Draws a smooth curve through the last slopes and follows it on." },
  dpmpp2sAncestral: {
    title: "DPM++ 2S, ancestral",
    line: "Looks half a step ahead, and adds fresh noise in each step.",
  },
  dpmppSde: { title: "DPM++ SDE", line: "Half a step ahead with noise at both places: slow, and rich in detail." },
  pndm: { title: "PNDM", line: "Combines the last four noise predictions, as textbooks do for planets." },
  flowEuler: { title: "Flow, Euler", line: "Follows the velocity of the flow in a straight line, step by step." },
  flowHeun: { title: "Flow, Heun", line: "The mean of the velocity at both ends of each step. Twice the work." },
  probabilityFlow: {
    title: "Adaptive",
    line: "Chooses the length of its steps itself, to a tolerance. The most exact, and the slowest.",
  },
  sitSde: { title: "SiT, with noise", line: "The flow, with as much noise stirred in as is taken out." },
  predictorCorrector: {
    title: "Predictor and corrector",
    line: "At each noise level some small shakes to settle down, then one step.",
  },
  annealedLangevin: {
    title: "Annealed Langevin",
    line: "Only shakes: many small noisy steps at each noise level, no prediction across levels.",
  },
  lcm: { title: "LCM", line: "For models made for few steps: jump to the picture, add noise, jump again." },
  consistency: {
    title: "Consistency",
    line: "For consistency models: one jump from noise to picture, more to refine.",
  },
};

/** The order of the list: the ones to try first stand first. */
export const solverNames = Object.keys(solverLines) as SolverName[];

const SIGMA_MAX = 80;
const SIGMA_MIN = 0.01;

const extras: readonly object[] = [
  {},
  { sigmaMax: SIGMA_MAX },
  { sigmaMin: SIGMA_MIN, sigmaMax: SIGMA_MAX },
  { boundary: "none" },
];

export type Choice = { config: SolverConfig; reason?: undefined } | { config?: undefined; reason: string };

/**
 * The configuration of a solver on a path with a number of steps, or the reason why it does not work there. A run's own
 * solver keeps its options: `own`.
 */
export function chooseSolver(name: SolverName, steps: number, path: Path, own?: SolverConfig): Choice {
  const same: Record<string, unknown> = own?.name === name ? { ...own } : {};
  let reason: string | undefined;
  for (const extra of extras) {
    const { name: _, ...options }: Record<string, unknown> = { ...same, ...extra, steps };
    const fault = faultOf(name, options, path);
    if (fault === undefined) return { config: { name, ...options } as SolverConfig };
    reason ??= fault;
  }
  return { reason: reason! };
}

/** Why a solver does not work on a path; undefined where it does. */
function faultOf(name: SolverName, options: object, path: Path): string | undefined {
  const denoise = () => Promise.reject(new Error("never asked"));
  try {
    // `sample` checks at once, and works only when it is iterated.
    solverFrom(name as string, options).sample({ path, denoise }, { shape: [1], seed: 0 });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
