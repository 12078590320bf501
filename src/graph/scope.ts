/**
 * The path of modules being traced, so that every tensor and every shape error knows where it was made.
 */
const path: string[] = [];

/** Runs `body` one level deeper in the module path; an empty name adds no level. */
export function inScope<T>(name: string, body: () => T): T {
  if (name === "") return body();
  path.push(name);
  try {
    return body();
  } finally {
    path.pop();
  }
}

export function currentScope(): string {
  return path.join(".");
}

/** A message that begins with the module path being traced. */
export function located(message: string): string {
  const scope = currentScope();
  return scope === "" ? message : `in ${scope}: ${message}`;
}
