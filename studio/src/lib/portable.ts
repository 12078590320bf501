/** What the pages need of the library, until `src/browser/index.ts` has it: then the alias points there. */
export { Random } from "../../../src/core/random.ts";
export { noised } from "../../../src/diffusion/noising.ts";
export {
  type Level,
  type Path,
  type PathConfig,
  type PathName,
  type PathOptions,
  pathFrom,
  paths,
} from "../../../src/diffusion/path.ts";
export { scaleOf, tickLabel } from "../../../src/io/ticks.ts";

export interface Engine {
  close(): Promise<void>;
}

export async function openEngine(options: { device: "wasm" | "webgpu" }): Promise<Engine> {
  throw new Error(`the engine for ${options.device} is not built yet`);
}
