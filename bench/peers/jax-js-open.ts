/**
 * jax-js, loaded and started: https://github.com/ekzhang/jax-js, on its WebAssembly backend, the one that it has in Node.
 *
 * It is no dependency of langevin. It is looked for from the folder that the environment variable LANGEVIN_JAX_JS names,
 * in which `npm i @jax-js/jax` was run, or from here.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import type { Jax } from "./jax-js-types.ts";
import { installWebWorkers } from "./web-worker.ts";

/** Raises an error with the code MODULE_NOT_FOUND where it is not installed. */
export async function openJax(threads: number): Promise<{ jax: Jax; version: string }> {
  const folder = process.env.LANGEVIN_JAX_JS;
  const require = createRequire(folder === undefined ? import.meta.url : join(resolve(folder), "package.json"));
  const entry = require.resolve("@jax-js/jax");
  installWebWorkers(threads);
  const jax = require(entry) as Jax;
  await jax.init("wasm");
  jax.defaultDevice("wasm");
  const { version } = JSON.parse(readFileSync(join(dirname(entry), "..", "package.json"), "utf8"));
  return { jax, version };
}
