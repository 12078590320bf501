/** jax-js on its WebAssembly backend, from where the benchmark's server has it. */
import { Weights } from "../../../src/nn/weights.ts";
import { networkOf } from "../../networks.ts";
import { jaxFigures } from "../../peers/jax-js-figures.ts";
import { jaxNetworkOf, jaxTasks } from "../../peers/jax-js-tasks.ts";
import type { Jax } from "../../peers/jax-js-types.ts";
import type { Open } from "./worker.ts";

export const openJaxInPage: Open = async ({ task, network: fields, batch }) => {
  const address = new URL("/peers/@jax-js/jax/dist/index.js", location.href).href;
  const jax = (await import(/* @vite-ignore */ address)) as Jax;
  await jax.init("wasm");
  jax.defaultDevice("wasm");
  const { imageShape } = networkOf(fields);
  const weights = Weights.initial(networkOf(fields), 0);
  const [network, tree] = jaxNetworkOf(jax, fields, weights);
  const parameters = weights.slabs.reduce((sum, slab) => sum + slab.length, 0);
  const step = jaxTasks[task]({ jax, network, parameters: tree, shape: [batch, ...imageShape] });
  return { parameters, step, figures: () => jaxFigures(jax, fields, weights) };
};
