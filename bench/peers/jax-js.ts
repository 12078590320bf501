/**
 * jax-js as a peer. train-step: as `langevin.ts` describes it, in one `jit`. sample-forward: the network under `jit`.
 * Its kernels spread over threads by web workers, which Node has not: `web-worker.ts` lends them.
 */
import { Random } from "../../src/core/random.ts";
import { objectiveFrom } from "../../src/diffusion/index.ts";
import { drawObjective } from "../../src/diffusion/objective.ts";
import { Weights } from "../../src/nn/weights.ts";
import { networkOf } from "../networks.ts";
import type { JaxNetwork } from "./jax-js-network.ts";
import { jaxNetworkOf, openJax } from "./jax-js-open.ts";
import { biasCorrections, initialJaxState, jaxUpdate } from "./jax-js-train.ts";
import type { Jax, JaxTree } from "./jax-js-types.ts";
import { type PeerRequest, type Prepared, type Side, serve, type Task } from "./protocol.ts";

interface Work {
  jax: Jax;
  network: JaxNetwork;
  parameters: JaxTree;
  /** [N, C, H, W] */
  shape: number[];
}

const tasks: Record<Task, (work: Work) => Prepared["step"]> = {
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

async function open(threads: number): Promise<Side> {
  const { jax, version } = await openJax(threads);
  return {
    threads,
    versions: { "jax-js": version },
    async prepare({ task, network: fields, batch }: PeerRequest): Promise<Prepared> {
      const ours = networkOf(fields);
      const weights = Weights.initial(ours, 0);
      const [network, parameters] = jaxNetworkOf(jax, fields, weights);
      const count = weights.slabs.reduce((sum, slab) => sum + slab.length, 0);
      const step = tasks[task]({ jax, network, parameters, shape: [batch, ...ours.imageShape] });
      return { step, parameters: count };
    },
  };
}

await serve(open);
