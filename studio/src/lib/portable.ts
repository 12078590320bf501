/** What the pages need of the library, until `src/browser/index.ts` has it: the alias takes that one where it is there. */
export * from "../../../src/core/errors.ts";
export { Random } from "../../../src/core/random.ts";
export * from "../../../src/diffusion/index.ts";
export { animatedPng } from "../../../src/io/apng.ts";
export * from "../../../src/io/picture.ts";
export { scaleOf, tickLabel } from "../../../src/io/ticks.ts";
export { denoisingAnimation, samplesPicture } from "../../../src/pipelines/pictures.ts";
export * from "../../../src/recipes/index.ts";
export { networkFrom } from "../../../src/train/network-config.ts";

export interface Engine {
  close(): Promise<void>;
}

export async function openEngine(options: { device: "wasm" | "webgpu" }): Promise<Engine> {
  throw new Error(`the engine for ${options.device} is not built yet`);
}
