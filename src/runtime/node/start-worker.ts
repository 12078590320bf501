/**
 * Starts a thread of langevin's own: the compiled file, or, when langevin itself runs from its sources, the source through tsx.
 */
import { Worker } from "node:worker_threads";

/** `entry`: the source file, such as `new URL("./worker-entry.ts", import.meta.url)`. */
export function startWorker(entry: URL, workerData: unknown): Worker {
  if (!import.meta.url.endsWith(".ts")) return new Worker(new URL(entry.href.replace(/\.ts$/, ".js")), { workerData });
  const tsx = import.meta.resolve("tsx/esm/api");
  const code = `import(${JSON.stringify(tsx)}).then(({ register }) => { register(); return import(${JSON.stringify(entry.href)}); });`;
  return new Worker(code, { eval: true, workerData, execArgv: [] });
}
