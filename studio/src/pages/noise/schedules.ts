/**
 * The schedules to choose from, by the names of the library's paths, and their curves. Time on the page runs from 0
 * (data) to 1 (noise) for all of them: u = (t - start) / (end - start), and a path of timesteps takes the nearest one.
 */
import { type Path, type PathConfig, type PathName, pathFrom } from "langevin/browser";
import { shareOfData } from "./statistics.ts";

/** All paths but that of a table of one's own betas. */
export type ScheduleName = Exclude<PathName, "betas">;

const names: Record<ScheduleName, string> = {
  linear: "Linear betas (DDPM)",
  scaledLinear: "Scaled linear (Stable Diffusion)",
  quadratic: "Quadratic betas",
  constant: "Constant beta",
  sigmoid: "Sigmoid betas (GeoDiff)",
  cosine: "Cosine (Improved DDPM)",
  sigmoidAlphaBar: "Sigmoid of ᾱ",
  continuousVp: "Variance preserving SDE",
  subVp: "Sub-VP SDE",
  continuousCosine: "Continuous cosine",
  gvp: "Trigonometric, GVP (SiT)",
  straightLine: "Straight line (flow matching)",
  ve: "Variance exploding (VE)",
  edm: "EDM, time is the noise level",
  learned: "Line of log-SNR (VDM)",
};

export const schedules = (Object.entries(names) as [ScheduleName, string][]).map(([value, label]) => ({
  value,
  label,
}));

export function isSchedule(name: string | null): name is ScheduleName {
  return name !== null && Object.hasOwn(names, name);
}

/** The time of the path for u in [0, 1]. */
export function timeAt(path: Path, u: number): number {
  const [start, end] = path.span;
  const t = u === 1 ? end : start + u * (end - start);
  return path.timesteps === undefined ? t : Math.round(t);
}

/** "t = 500 of 0 … 999", or "t = 0.25" where time is continuous. */
export function timeLabel(path: Path, t: number): string {
  const [start, end] = path.span;
  return path.timesteps === undefined ? `t = ${Number(t.toPrecision(4))}` : `t = ${t} of ${start} … ${end}`;
}

/** The options of a path that are numbers, with their values. */
export function numberOptions(config: PathConfig): [string, number][] {
  return Object.entries(config).filter((entry): entry is [string, number] => typeof entry[1] === "number");
}

/** A path with some of its options changed. What it does not accept is a ConfigError. */
export function withOptions(name: ScheduleName, changed: Readonly<Record<string, number | boolean>>): Path {
  return pathFrom({ name, ...changed });
}

/** Whether the path is a table of betas, which can be rescaled to end in pure noise. */
export function hasTable(path: Path): boolean {
  return "betas" in path;
}

/** Whether it has been rescaled so. */
export function endsInNoise(path: Path): boolean {
  const config = path.toJSON();
  return "zeroTerminalSnr" in config && config.zeroTerminalSnr === true;
}

export interface Curves {
  /** u. */
  readonly x: Float64Array;
  readonly share: Float64Array;
  readonly snr: Float64Array;
  readonly sigma: Float64Array;
}

/** The share of the data, SNR = alpha² / sigma² and sigma at `count` times from data to noise. */
export function curvesOf(path: Path, count = 1001): Curves {
  const x = Float64Array.from({ length: count }, (_, i) => i / (count - 1));
  const [share, snr, sigma] = [x.slice(), x.slice(), x.slice()];
  x.forEach((u, i) => {
    const t = timeAt(path, u);
    const a = path.alpha(t);
    sigma[i] = path.sigma(t);
    share[i] = shareOfData(a, sigma[i]);
    snr[i] = (a / sigma[i]) ** 2;
  });
  return { x, share, snr, sigma };
}
