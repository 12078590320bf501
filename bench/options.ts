/** Options of the benchmarks, checked. */
import { ConfigError } from "../src/core/errors.ts";
import { didYouMean } from "../src/core/suggest.ts";

/** One of `names`; a ConfigError that offers the nearest otherwise. */
export function known<T extends string>(kind: string, name: string, names: readonly T[]): T {
  if ((names as readonly string[]).includes(name)) return name as T;
  throw new ConfigError(`no ${kind} ${JSON.stringify(name)}. ${didYouMean(name, names)}`);
}

/** A whole number from 1; a ConfigError that names the option otherwise. */
export function whole(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new ConfigError(`--${option} must be a whole number from 1, not ${JSON.stringify(text)}`);
}
