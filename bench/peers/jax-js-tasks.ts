/**
 * jax-js's side of the benchmark, in Node and in the browser. train-step: as `langevin-tasks.ts` describes it, in one `jit`.
 * sample-forward: the network under `jit`.
 */
import { Random } from "../../src/core/random.ts";
import { objectiveFrom } from "../../src/diffusion/index.ts";
import { drawObjective } from "../../src/diffusion/objective.ts";
import type { Weights } from "../../src/nn/weights.ts";
import { describeNetwork, stateDict } from "../../src/train/network-config.ts";
import { networkOf } from "../networks.ts";
import { type JaxNetwork, jaxNetwork } from "./jax-js-network.ts";
import { biasCorrections, initialJaxState, jaxUpdate } from "./jax-js-train.ts";
import type { Jax, JaxTree } from "./jax-js-types.ts";
import type { NetworkFields, Prepared, Task } from "./protocol.ts";

interface Work {
  jax: Jax;
  network: JaxNetwork;
  parameters: JaxTree;
  /** [N, C, H, W] */
  shape: number[];
}

/** A network of the benchmark for jax-js, and the numbers of its parameters. */
export function jaxNetworkOf(jax: Jax, fields: NetworkFields, weights: Weights): [JaxNetwork, JaxTree] {
  const network = networkOf(fields);
  const { unet, patch } = describeNetwork(network);
  const parameters = [...stateDict(network, weights)].map(
    ([name, { data, shape }]) => [name, jax.numpy.array(data).reshape([...shape])] as const,
  );
  return [jaxNetwork(jax, unet!, patch), Object.fromEntries(parameters)];
}

export const jaxTasks: Record<Task, (work: Work) => Prepared["step"]> = {
  "train-step": ({ jax, network, parameters, shape }) => {
    const [batch] = shape;
    const objective = objectiveFrom({ path: { name: "linear" }, prediction: "noise" });
    const column = (values: Float32Array) => jax.numpy.array(values).reshape([batch, 1, 1, 1]);
    const images = jax.random.normal(jax.random.key(0), shape);
    const update = jaxUpdate(jax, network);
    let state = initialJaxState(jax, parameters);
    let k = 0;
    return async () => {
      k++;
      const { alpha, sigma, networkTime } = drawObjective(objective, batch, Random.from(0, "time", k));
      const next = update(state, {
        images: images.ref,
        noise: jax.random.normal(jax.random.key(k), shape),
        alpha: column(alpha),
        sigma: column(sigma),
        times: jax.numpy.array(networkTime),
        corrections: biasCorrections(jax, k),
      });
      jax.tree.dispose(next.norm);
      state = await jax.blockUntilReady(next.state);
      await next.loss.data();
    };
  },
  "sample-forward": ({ jax, network, parameters, shape }) => {
    const forward = jax.jit(network);
    const images = jax.random.normal(jax.random.key(0), shape);
    const times = jax.numpy.array(new Float32Array(shape[0]).fill(500));
    return async () => void (await forward(jax.tree.ref(parameters), images.ref, times.ref).data());
  },
};
