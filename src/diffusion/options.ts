/**
 * Options and JSON configurations of the diffusion room, checked field by field.
 *
 * A factory names its fields once, each with what is accepted and its default; anything else that is given is a
 * ConfigError with the nearest names. Named things (paths, time samplers, solvers) are looked up in a registry object.
 */
import { ConfigError } from "../core/errors.ts";
import { didYouMean } from "../core/suggest.ts";

/** What one option accepts. */
export interface Field<T> {
  /** Completes "must be …". */
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
  /** Taken when the option is absent; a field without one is required, unless it is `optional`. */
  readonly fallback?: T;
  readonly optional?: boolean;
}

type Fields = Readonly<Record<string, Field<unknown>>>;
export type Values<S extends Fields> = { readonly [K in keyof S]: S[K] extends Field<infer T> ? T : never };

/** An integer in [min, max]. */
export function integer(min: number, max = Number.MAX_SAFE_INTEGER): Field<number> {
  const expected = max === Number.MAX_SAFE_INTEGER ? `an integer from ${min}` : `an integer from ${min} to ${max}`;
  return { expected, accepts: (value) => Number.isInteger(value) && Number(value) >= min && Number(value) <= max };
}

/** A finite number in [min, max], or in (min, max) when `open`. */
export function real(min = -Infinity, max = Infinity, open = false): Field<number> {
  const side = (bound: number, words: string) => (Number.isFinite(bound) ? ` ${words} ${bound}` : "");
  const bounds = [side(min, open ? "above" : "from"), side(max, open ? "below" : "to")];
  return {
    expected: `a finite number${bounds.join(bounds.every(Boolean) && open ? " and" : "")}`,
    accepts: (value) =>
      Number.isFinite(value) &&
      (open ? Number(value) > min && Number(value) < max : Number(value) >= min && Number(value) <= max),
  };
}

/** One of a few words. */
export function choice<const T extends string>(...words: readonly T[]): Field<T> {
  return {
    expected: words.map((word) => JSON.stringify(word)).join(" or "),
    accepts: (value) => (words as readonly unknown[]).includes(value),
  };
}

export function flag(): Field<boolean> {
  return { expected: "true or false", accepts: (value) => typeof value === "boolean" };
}

/** A limit for the predicted sample: a positive number, or false for none. */
export function clipLimit(): Field<number | false> {
  const positive = real(0, Infinity, true);
  return { expected: `${positive.expected}, or false`, accepts: (value) => value === false || positive.accepts(value) };
}

export function withDefault<T>(field: Field<T>, fallback: T): Field<T> {
  return { ...field, fallback };
}

export function optional<T>(field: Field<T>): Field<T | undefined> {
  return { ...field, optional: true };
}

/** A value as an error message shows it. */
export function show(value: unknown): string {
  if (typeof value === "number") return String(value);
  if (typeof value === "function") return "a function";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/**
 * Checks the options of `owner` against its fields and fills in the defaults. Options that are undefined count as
 * absent. The result is frozen and holds only what is defined, so that it is plain JSON.
 */
export function readOptions<S extends Fields>(owner: string, fields: S, given: unknown = {}): Values<S> {
  if (typeof given !== "object" || given === null || Array.isArray(given) || ArrayBuffer.isView(given)) {
    throw new ConfigError(
      `${owner}: the options must be an object of ${Object.keys(fields).join(", ") || "no fields"}, not ${show(given)}`,
    );
  }
  const names = Object.keys(fields);
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(fields, name)) continue;
    const hint = names.length > 0 ? didYouMean(name, names) : "It takes none.";
    throw new ConfigError(`${owner}: unknown option ${JSON.stringify(name)}. ${hint}`);
  }
  const values: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const value = (given as Record<string, unknown>)[name];
    if (value === undefined) {
      if (field.fallback !== undefined) values[name] = field.fallback;
      else if (!field.optional) throw new ConfigError(`${owner}: ${name} is missing; it must be ${field.expected}`);
    } else if (field.accepts(value)) {
      values[name] = value;
    } else {
      throw new ConfigError(`${owner}: ${name} must be ${field.expected}, not ${show(value)}`);
    }
  }
  return Object.freeze(values) as Values<S>;
}

/** Looks a name up in a registry; an unknown one is a ConfigError with the nearest names. `kind`: such as "solver". */
export function lookUp<R extends Readonly<Record<string, unknown>>>(
  kind: string,
  registry: R,
  name: unknown,
): R[keyof R] {
  if (typeof name === "string" && Object.hasOwn(registry, name)) return registry[name] as R[keyof R];
  const known = Object.keys(registry);
  if (typeof name !== "string") {
    throw new ConfigError(`the name of a ${kind} must be one of ${known.join(", ")}, not ${show(name)}`);
  }
  throw new ConfigError(`unknown ${kind} ${JSON.stringify(name)}. ${didYouMean(name, known)}`);
}

/** Makes what a configuration `{ name, …options }` names: the factory of that name gets the other fields. */
export function makeFrom<T>(
  kind: string,
  registry: Readonly<Record<string, (options: never) => T>>,
  config: unknown,
): T {
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new ConfigError(
      `a ${kind} must be an object such as { "name": "${Object.keys(registry)[0]}" }, not ${show(config)}`,
    );
  }
  const { name, ...options } = config as Record<string, unknown>;
  return lookUp(kind, registry, name)(options as never);
}
