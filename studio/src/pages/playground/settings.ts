/**
 * The settings of the page in its address: `#/playground?points=moons&path=straightLine&prediction=flow&weight=simple
 * &solver=ddim&steps=50&seed=0`. What the address asks for and the page has not is said in a note, and the usual stands.
 */
import { type SolverName, type ToyName, toyNames } from "langevin/browser";
import { solverNames } from "../sample/solver-choice.ts";
import { isPath, type ScheduleName } from "./paths.ts";
import { type Asked, isAsked, isWeight, type weightNames } from "./predictions.ts";

export interface PageSettings {
  readonly points: ToyName;
  readonly path: ScheduleName;
  readonly prediction: Asked;
  readonly weight: (typeof weightNames)[number];
  readonly solver: SolverName;
  readonly steps: number;
  readonly seed: number;
}

const whole = (least: number, most: number) => (text: string) => {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  return Number.isInteger(value) && value >= least && value <= most ? value : undefined;
};
const among =
  <T extends string>(names: readonly T[]) =>
  (text: string) =>
    names.find((name) => name === text);

const readers: { readonly [K in keyof PageSettings]: (text: string) => PageSettings[K] | undefined } = {
  points: among(toyNames),
  path: (text) => (isPath(text) ? text : undefined),
  prediction: (text) => (isAsked(text) ? text : undefined),
  weight: (text) => (isWeight(text) ? text : undefined),
  solver: among(solverNames),
  steps: whole(1, 200),
  seed: whole(0, Number.MAX_SAFE_INTEGER),
};

/** What the address says; notes on what it says that the page has not. */
export function readSettings(query: URLSearchParams): { settings: Partial<PageSettings>; notes: string[] } {
  const notes: string[] = [];
  const settings: Record<string, unknown> = {};
  for (const [name, read] of Object.entries(readers)) {
    const text = query.get(name);
    if (text === null) continue;
    const value = read(text);
    if (value === undefined)
      notes.push(`The address says ${name}=${text}, which this page has not; the usual is shown.`);
    else settings[name] = value;
  }
  return { settings, notes };
}
