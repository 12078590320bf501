/**
 * jax-js's side of a training step, as its users write one: a pure function of the state, compiled as a whole by `jit`.
 * Noise the images (linear VP), mean squared error of the predicted noise, gradients, clip to global norm 1, Adam, EMA.
 */
import type { JaxNetwork } from "./jax-js-network.ts";
import type { Jax, JaxArray, JaxTree } from "./jax-js-types.ts";

export interface JaxState {
  parameters: JaxTree;
  first: JaxTree;
  second: JaxTree;
  average: JaxTree;
}

export interface JaxBatch {
  /** [N, C, H, W] */
  images: JaxArray;
  /** [N, C, H, W] */
  noise: JaxArray;
  /** sqrt(alpha-bar) of each image, [N, 1, 1, 1] */
  alpha: JaxArray;
  /** sqrt(1 - alpha-bar) of each image, [N, 1, 1, 1] */
  sigma: JaxArray;
  /** [N] */
  times: JaxArray;
  /** 1 - beta1^k and 1 - beta2^k at update k, each [1] */
  corrections: { first: JaxArray; second: JaxArray };
}

export interface JaxUpdate {
  loss: JaxArray;
  /** Before clipping. */
  norm: JaxArray;
  state: JaxState;
}

const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8];
export const LEARNING_RATE = 2e-4;
const EMA_DECAY = 0.999;

/** Adam's corrections of the bias at update k, from 1. */
export function biasCorrections(jax: Jax, k: number): JaxBatch["corrections"] {
  const array = (value: number) => jax.numpy.array(Float32Array.of(value));
  return { first: array(1 - BETA1 ** k), second: array(1 - BETA2 ** k) };
}

/** The state before the first update; uses the parameters up. */
export function initialJaxState(jax: Jax, parameters: JaxTree): JaxState {
  const zeros = () =>
    Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, jax.numpy.zerosLike(value.ref)]));
  return { first: zeros(), second: zeros(), average: jax.tree.ref(parameters), parameters };
}

/** (state, batch) → loss, gradient norm, next state; uses both up. */
export function jaxUpdate(jax: Jax, network: JaxNetwork): (state: JaxState, batch: JaxBatch) => JaxUpdate {
  const { numpy: np, tree } = jax;
  const lossOf = (parameters: JaxTree, noised: JaxArray, times: JaxArray, noise: JaxArray) =>
    np.mean(np.square(network(parameters, noised, times).sub(noise)));

  return jax.jit((state: JaxState, { images, noise, alpha, sigma, times, corrections }: JaxBatch): JaxUpdate => {
    const noised = images.mul(alpha).add(noise.ref.mul(sigma));
    const [loss, gradients] = jax.valueAndGrad(lossOf)(tree.ref(state.parameters), noised, times, noise);
    const squares = Object.values(gradients).map((gradient) => np.square(gradient.ref).sum());
    const norm = np.sqrt(squares.reduce((sum, square) => sum.add(square)));
    const scale = np.minimum(np.reciprocal(norm.ref), 1);
    const next: JaxState = { parameters: {}, first: {}, second: {}, average: {} };
    for (const [name, gradient] of Object.entries(gradients)) {
      const clipped = gradient.mul(scale.ref);
      const first = state.first[name].mul(BETA1).add(clipped.ref.mul(1 - BETA1));
      const second = state.second[name].mul(BETA2).add(np.square(clipped).mul(1 - BETA2));
      const root = np.sqrt(second.ref.div(corrections.second.ref)).add(EPSILON);
      const change = first.ref.div(corrections.first.ref).div(root).mul(LEARNING_RATE);
      const parameter = state.parameters[name].sub(change);
      next.average[name] = state.average[name].mul(EMA_DECAY).add(parameter.ref.mul(1 - EMA_DECAY));
      next.parameters[name] = parameter;
      next.first[name] = first;
      next.second[name] = second;
    }
    tree.dispose(scale);
    tree.dispose(corrections);
    return { loss, norm, state: next };
  });
}
