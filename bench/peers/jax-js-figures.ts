/** What jax-js makes of the numbers of `same-numbers.ts`. */
import type { Weights } from "../../src/nn/weights.ts";
import { jaxNetworkOf } from "./jax-js-tasks.ts";
import { biasCorrections, initialJaxState, jaxUpdate } from "./jax-js-train.ts";
import type { Jax, JaxTree } from "./jax-js-types.ts";
import type { NetworkFields } from "./protocol.ts";
import { type Figures, sameNumbers, TIME } from "./same-numbers.ts";

export async function jaxFigures(
  jax: Jax,
  fields: NetworkFields,
  weights: Weights,
): Promise<Figures & { updated: JaxTree }> {
  const { shape, images, noise, alpha, sigma, time } = sameNumbers(fields);
  const [network, parameters] = jaxNetworkOf(jax, fields, weights);
  const array = (values: Float32Array, as = shape) => jax.numpy.array(values).reshape(as);
  const times = jax.numpy.array(new Float32Array(shape[0]).fill(TIME));
  const predicted = await jax.jit(network)(jax.tree.ref(parameters), array(images), times).data();
  const column = [shape[0], 1, 1, 1];
  const next = jaxUpdate(jax, network)(initialJaxState(jax, parameters), {
    images: array(images),
    noise: array(noise),
    alpha: array(alpha, column),
    sigma: array(sigma, column),
    times: jax.numpy.array(time),
    corrections: biasCorrections(jax, 1),
  });
  const [loss] = await next.loss.data();
  const [gradientNorm] = await next.norm.data();
  return { predicted, loss, gradientNorm, updated: next.state.parameters };
}
