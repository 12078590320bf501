/**
 * jax-js as a peer in Node: the tasks of `jax-js-tasks.ts`. Its kernels spread over threads by web workers, which Node has not:
 * `web-worker.ts` lends them.
 */
import { Weights } from "../../src/nn/weights.ts";
import { networkOf } from "../networks.ts";
import { openJax } from "./jax-js-open.ts";
import { jaxNetworkOf, jaxTasks } from "./jax-js-tasks.ts";
import { type PeerRequest, type Prepared, type Side, serve } from "./protocol.ts";

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
      const step = jaxTasks[task]({ jax, network, parameters, shape: [batch, ...ours.imageShape] });
      return { step, parameters: count };
    },
  };
}

await serve(open);
