/**
 * `langevin schedule`: paths from data to noise, side by side: alpha, sigma, the log-SNR and the betas, as a chart and as a table.
 *
 * Paths have clocks of their own (timesteps, [0, 1], noise levels), so the chart and the table run over the share u of each
 * path's way, from 0 (data) to 1 (noise): u = t / (T - 1) on a discrete path, the place in the span where time is in
 * [0, 1], and the place of ln t in that of the logarithms where time is a noise level.
 */
import { ConfigError } from "../../core/errors.ts";
import { isDiscreteVp } from "../../diffusion/discrete-vp.ts";
import { type Path, pathFrom } from "../../diffusion/path.ts";
import { checkChartPath, writeChart } from "../../io/chart.node.ts";
import type { Chart, Panel, Series } from "../../io/chart.ts";
import { exitCodes } from "../exit.ts";
import { bold, note, print, printJson } from "../show.ts";
import { tableLines } from "../terminal/table.ts";

export interface ScheduleCommandOptions {
  out?: string;
  points: number;
  json?: boolean;
}

/** A path and how the chart calls it. */
interface Named {
  label: string;
  path: Path;
}

export async function scheduleCommand(texts: readonly string[], options: ScheduleCommandOptions): Promise<number> {
  const { out, points, json } = options;
  if (out !== undefined) checkChartPath(out);
  const paths = texts.map((text) => ({ label: labelOf(text), path: readPath(text) }));
  const twice = paths.find(({ label }, i) => paths.findIndex((other) => other.label === label) !== i);
  if (twice) throw new ConfigError(`the path ${twice.label} is given twice`);
  if (out !== undefined) await writeChart(out, scheduleChart(paths));
  const tables = paths.map(({ path }) => rowsOf(path, points));
  if (json) {
    printJson(paths.map(({ path }, i) => ({ ...path.toJSON(), span: path.span, out, rows: tables[i] })));
    return exitCodes.ok;
  }
  paths.forEach(({ label, path }, i) => {
    if (i > 0) print();
    printTable(label, path, tables[i]);
  });
  if (out !== undefined) note(`drawn to ${out}`);
  return exitCodes.ok;
}

/** A path as it is typed: its name, or JSON with its name and options. Raises a ConfigError. */
function readPath(text: string): Path {
  if (!text.trim().startsWith("{")) return pathFrom({ name: text });
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch (error) {
    throw new ConfigError(
      `a path with options is JSON, such as '{"name":"cosine","timesteps":500}'; ${text} is not: ${(error as Error).message}`,
    );
  }
  return pathFrom(config);
}

/** `linear`, or `linear (timesteps 500)`. */
function labelOf(text: string): string {
  if (!text.trim().startsWith("{")) return text;
  try {
    const { name, ...options } = JSON.parse(text);
    const words = Object.entries(options).map(([key, value]) => `${key} ${shorten(JSON.stringify(value))}`);
    return words.length > 0 ? `${name} (${words.join(", ")})` : String(name);
  } catch {
    return text;
  }
}

function shorten(text: string): string {
  return text.length > 20 ? `${text.slice(0, 17)}...` : text;
}

/** The time at the share u of the way; whole timesteps on a discrete path. */
export function timeAt({ timesteps, span: [from, to] }: Path, u: number): number {
  if (timesteps !== undefined) return Math.round(u * (timesteps - 1));
  if (u === 1) return to;
  return to <= 1 || from <= 0 ? from + u * (to - from) : from * (to / from) ** u;
}

/** One line of the table of a path. */
interface Row {
  t: number;
  alpha: number;
  sigma: number;
  /** May be infinite; JSON has null for it. */
  logSnr: number;
  /** Of discrete paths. */
  beta?: number;
  networkTime: number;
}

function rowsOf(path: Path, points: number): Row[] {
  const times = Array.from({ length: points }, (_, i) => timeAt(path, i / (points - 1)));
  return [...new Set(times)].map((t) => {
    const { alpha, sigma, networkTime } = path.at(t);
    const beta = isDiscreteVp(path) ? { beta: path.betas[t] } : {};
    return { t, alpha, sigma, logSnr: path.logSnr(t), ...beta, networkTime };
  });
}

function printTable(label: string, path: Path, rows: readonly Row[]): void {
  const { timesteps, span } = path;
  print(`${bold(label)}: ${timesteps === undefined ? `t from ${span[0]} to ${span[1]}` : `${timesteps} timesteps`}`);
  const number = (value: number | undefined) => {
    if (value === undefined) return "";
    return String(Number(value.toPrecision(6))).replace("Infinity", "∞");
  };
  const discrete = rows.some(({ beta }) => beta !== undefined);
  const header = ["t", "alpha", "sigma", "log-SNR", ...(discrete ? ["beta"] : []), "network"];
  const cells = rows.map(({ t, alpha, sigma, logSnr, beta, networkTime }) =>
    [t, alpha, sigma, logSnr, ...(discrete ? [beta] : []), networkTime].map(number),
  );
  const align = header.map(() => "right" as const);
  for (const line of tableLines(cells, { header, align, styleHeader: bold })) print(line);
}

/** Points of a curve. */
const FINE = 401;

/** The chart of paths: alpha, sigma, log-SNR and, where there are any, betas. */
export function scheduleChart(paths: readonly Named[]): Chart {
  const shares = Array.from({ length: FINE }, (_, i) => i / (FINE - 1));
  const largest = Math.max(...paths.map(({ path }) => path.sigma(path.span[1])));
  const series = (of: (path: Path, t: number) => number): Series[] =>
    paths.map(({ label, path }) => {
      const times = shares.map((u) => timeAt(path, u));
      const x = path.timesteps === undefined ? shares : times.map((t) => t / Math.max(1, path.timesteps! - 1));
      return { label, x, y: times.map((t) => of(path, t)) };
    });
  const x = { label: "share of the way, from data to noise", range: [0, 1] } as const;
  const panels: Panel[] = [
    { title: "α: factor of the data", x, series: series((path, t) => path.alpha(t)) },
    {
      title: "σ: standard deviation of the noise",
      x,
      y: { scale: largest > 2 ? "log" : "linear" },
      series: series((path, t) => path.sigma(t)),
    },
    { title: "log-SNR = ln(α² / σ²)", x, series: series((path, t) => path.logSnr(t)) },
  ];
  const discrete = paths.filter(({ path }) => isDiscreteVp(path));
  if (discrete.length > 0) {
    const betas = discrete.map(({ label, path }): Series => {
      const values = isDiscreteVp(path) ? path.betas : [];
      return { label, x: Array.from(values, (_, t) => t / Math.max(1, values.length - 1)), y: values };
    });
    panels.push({ title: "β of each timestep", x, y: { scale: "log" }, series: betas });
  }
  return { panels };
}
