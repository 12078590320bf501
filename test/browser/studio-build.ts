/**
 * Builds the studio for tests, once for each state of its sources: a hash of the times and sizes of all files that go into it
 * stands beside the build. Two test processes at a time wait for each other.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const folder = join(repository, "dist", "studio-for-tests");
const stamp = join(folder, ".sources");
const lock = join(repository, "dist", "studio-for-tests.lock");

/** Milliseconds after which a lock is of a process that was killed. */
const STALE_LOCK = 120_000;

function* filesIn(path: string): Generator<string> {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.name === "node_modules" || entry.name.endsWith(".test.ts")) continue;
    if (entry.isDirectory()) yield* filesIn(join(path, entry.name));
    else yield join(path, entry.name);
  }
}

function stateOfSources(): string {
  const hash = createHash("sha256");
  const lists = ["src", "studio"].map((name) => [...filesIn(join(repository, name))].sort());
  for (const file of [...lists.flat(), join(repository, "package-lock.json")]) {
    const { mtimeMs, size } = statSync(file);
    hash.update(`${file} ${mtimeMs} ${size}\n`);
  }
  return hash.digest("hex");
}

const isBuilt = (state: string) => existsSync(stamp) && readFileSync(stamp, "utf8") === state;

/** The folder of the built studio. */
export async function buildStudio(): Promise<string> {
  mkdirSync(join(repository, "dist"), { recursive: true });
  while (!tryLock()) await pause(200);
  try {
    const state = stateOfSources();
    if (!isBuilt(state)) {
      // In a process of its own: the tests' environment would make it a build for development.
      const vite = join(repository, "node_modules", "vite", "bin", "vite.js");
      const asked = ["build", "studio", "--outDir", folder, "--emptyOutDir", "--logLevel", "warn"];
      const env = { ...process.env, NODE_ENV: "production" };
      await promisify(execFile)(process.execPath, [vite, ...asked], { cwd: repository, env });
      writeFileSync(stamp, state);
    }
    return folder;
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function tryLock(): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch {
    const left = existsSync(lock) ? Date.now() - statSync(lock).mtimeMs : 0;
    if (left > STALE_LOCK) rmSync(lock, { recursive: true, force: true });
    return false;
  }
}
