/**
 * Configurations are checked against a schema; what does not fit is an error that names the field, what it was given
 * and what it expects, with the nearest name for a field that does not exist.
 */
import * as z from "zod";
import { ConfigError } from "./errors.ts";
import { didYouMean } from "./suggest.ts";

/**
 * `value` as the schema describes it, defaults filled in. Objects are meant to be strict: an unknown field raises.
 * `label` names the configuration in the message, such as `runs/a/config.json`.
 */
export function parseConfig<S extends z.ZodType>(schema: S, value: unknown, label: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => describe(schema, issue, value));
  throw new ConfigError(`${label}: ${problems.join("; ")}`);
}

function describe(schema: z.ZodType, issue: z.core.$ZodIssue, value: unknown): string {
  const path = issue.path.join(".");
  if (issue.code === "unrecognized_keys") {
    const known = fieldsAt(schema, issue.path);
    return issue.keys
      .map((key) => `unknown field ${path === "" ? key : `${path}.${key}`}. ${didYouMean(key, known)}`)
      .join("; ");
  }
  const given = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown>)?.[key], value);
  return `${path === "" ? "the value" : path}: ${issue.message.replace(/^Invalid input: /, "")}, given ${JSON.stringify(given)}`;
}

/** The field names of the object schema at a path, seen through defaults and optionality. */
function fieldsAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at = unwrapped(schema);
  for (const key of path) at = at instanceof z.ZodObject ? unwrapped(at.shape[String(key)]) : undefined;
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

function unwrapped(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  let at = schema;
  while (
    at instanceof z.ZodDefault ||
    at instanceof z.ZodPrefault ||
    at instanceof z.ZodOptional ||
    at instanceof z.ZodNullable
  ) {
    at = at.unwrap();
  }
  return at;
}
