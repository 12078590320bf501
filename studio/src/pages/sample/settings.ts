/**
 * What is drawn: settings as the page holds them, and the link that holds all of them.
 *
 *   #/sample?model=shipped:digits&weights=1f0c…&mode=draw&solver={"name":"ddim",…}&seed=3&guidance=1.5&class=7&count=16
 *
 * The solver stands in the link with all of its options, so that the link draws the same when a default changes.
 */
import { ConfigError, type SolverConfig, solverFrom } from "langevin/browser";

export type Mode = "draw" | "compare" | "between" | "fill";
export const modes: Readonly<Record<Mode, string>> = {
  draw: "Draw",
  compare: "Compare",
  between: "Between two seeds",
  fill: "Fill in",
};

export interface Settings {
  solver: SolverConfig;
  seed: number;
  /** 1 is none. */
  guidance: number;
  /** The class of all pictures; undefined: all in turn. */
  classLabel?: number;
  count: number;
}

export interface Shown {
  mode: Mode;
  a: Settings;
  /** The other settings of a comparison. */
  b?: Partial<Pick<Settings, "solver" | "guidance">>;
  /** The other end of a row. */
  seedTo?: number;
  /** Text of the mask, see mask.ts; and the picture under it, bytes [H, W, C] in base64 for addresses. */
  mask?: string;
  picture?: string;
  /** Which picture of those is picked. */
  picked?: number;
}

/** Where a model is from, and which one. */
export interface ModelName {
  source: "shipped" | "browser" | "server" | "disk";
  name: string;
}

export const LARGEST_COUNT = 64;
export const LARGEST_GUIDANCE = 10;

export function shownToQuery(
  shown: Shown,
  model: ModelName,
  weights: string,
): Record<string, string | number | undefined> {
  const { a, b, mode } = shown;
  return {
    model: `${model.source}:${model.name}`,
    weights,
    mode,
    solver: JSON.stringify(a.solver),
    seed: a.seed,
    guidance: a.guidance,
    class: a.classLabel,
    count: a.count,
    ...(mode === "compare" && b && { solverB: b.solver && JSON.stringify(b.solver), guidanceB: b.guidance }),
    ...(mode === "between" && { seedTo: shown.seedTo }),
    ...(mode === "fill" && { mask: shown.mask, picture: shown.picture }),
  };
}

/** The model that a link names. */
export function modelOfQuery(query: URLSearchParams): ModelName | undefined {
  const run = query.get("run"); // of the page Train
  if (run !== null) return { source: "browser", name: run };
  const [source, ...name] = (query.get("model") ?? "").split(":");
  if (!["shipped", "browser", "server", "disk"].includes(source)) return undefined;
  return { source: source as ModelName["source"], name: name.join(":") };
}

/**
 * The settings that a link holds; undefined where it holds none. Raises a ConfigError that names what cannot be read, so
 * that no link quietly draws something else.
 */
export function shownOfQuery(query: URLSearchParams): Shown | undefined {
  if (!query.has("solver")) return undefined;
  const mode = query.get("mode") ?? "draw";
  if (!Object.hasOwn(modes, mode)) throw fault("mode", mode, `one of ${Object.keys(modes).join(", ")}`);
  const seed = whole(query, "seed", Number.MAX_SAFE_INTEGER, 0);
  const guidance = real(query, "guidance") ?? 1;
  const a: Settings = {
    solver: solver(query, "solver")!,
    seed: seed!,
    guidance,
    classLabel: whole(query, "class", 1e6, 0, true),
    count: whole(query, "count", LARGEST_COUNT, 1)!,
  };
  const shown: Shown = { mode: mode as Mode, a };
  if (mode === "compare") shown.b = defined({ solver: solver(query, "solverB"), guidance: real(query, "guidanceB") });
  if (mode === "between") shown.seedTo = whole(query, "seedTo", Number.MAX_SAFE_INTEGER, 0);
  if (mode === "fill") {
    shown.mask = query.get("mask") ?? undefined;
    shown.picture = query.get("picture") ?? undefined;
  }
  return shown;
}

function solver(query: URLSearchParams, name: string): SolverConfig | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  try {
    const { name: solverName, ...options } = JSON.parse(text);
    const { name: same, config } = solverFrom(solverName as string, options);
    return { name: same, ...config } as SolverConfig;
  } catch (error) {
    throw fault(name, text, `a solver and its options (${(error as Error).message})`);
  }
}

function whole(
  query: URLSearchParams,
  name: string,
  most: number,
  least: number,
  optional = false,
): number | undefined {
  const text = query.get(name);
  if (text === null && optional) return undefined;
  const value = Number(text);
  if (text === null || text === "" || !Number.isInteger(value) || value < least || value > most) {
    throw fault(name, text, `a whole number from ${least} to ${most}`);
  }
  return value;
}

function real(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = Number(text);
  if (text === "" || !(value >= 0) || value > LARGEST_GUIDANCE)
    throw fault(name, text, `a number from 0 to ${LARGEST_GUIDANCE}`);
  return value;
}

const fault = (name: string, text: string | null, expected: string) =>
  new ConfigError(`the link has ${name} ${text === null ? "left out" : JSON.stringify(text)}; it must be ${expected}`);

const defined = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as T;

/** Bytes as text for an address, and back; undefined for text that is none. */
export function bytesToText(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

export function bytesFromText(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  } catch {
    return undefined;
  }
}
