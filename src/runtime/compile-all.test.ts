import { expect, it } from "vitest";
import { compileAll } from "./compile-all.ts";
import type { Session } from "./session.ts";

function fake(name: string, released: string[]): Session {
  const release = async () => void released.push(name);
  return { inputs: [], run: async () => ({}), release, [Symbol.asyncDispose]: release };
}

it("gives all sessions in their order", async () => {
  const released: string[] = [];
  const sessions = [fake("a", released), fake("b", released)];
  expect(await compileAll(sessions.map((session) => Promise.resolve(session)))).toEqual(sessions);
  expect(released).toEqual([]);
});

it("releases those that were compiled when one fails, and raises its error", async () => {
  const released: string[] = [];
  const late = new Promise<Session>((resolve) => setTimeout(() => resolve(fake("late", released)), 5));
  const compiling = [Promise.resolve(fake("a", released)), Promise.reject(new Error("no memory")), late];
  await expect(compileAll(compiling)).rejects.toThrow("no memory");
  expect(released).toEqual(["a", "late"]);
});
