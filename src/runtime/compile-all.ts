/**
 * Sessions that are only of use together: all of them, or none. When one cannot be compiled, those that could are released,
 * so that no thread is left behind, and the first failure is raised.
 */
import type { Session } from "./session.ts";

export async function compileAll(compiling: readonly Promise<Session>[]): Promise<Session[]> {
  const settled = await Promise.allSettled(compiling);
  const sessions = settled.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const failed = settled.find((result) => result.status === "rejected");
  if (!failed) return sessions;
  await Promise.all(sessions.map((session) => session.release()));
  throw failed.reason;
}
