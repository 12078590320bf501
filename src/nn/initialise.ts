/**
 * How parameters begin. Fans follow PyTorch: for a weight [O, I, ...kernel], fanIn = I · taps, fanOut = O · taps.
 */
import type { Random } from "../core/random.ts";
import type { Shape } from "../core/shape.ts";

/** Fills a parameter of `shape` from its own random stream. */
export type Initialiser = (out: Float32Array, shape: Shape, random: Random) => void;

function fans(shape: Shape): { fanIn: number; fanOut: number } {
  const taps = shape.slice(2).reduce((product, extent) => product * extent, 1);
  return { fanIn: (shape[1] ?? 1) * taps, fanOut: shape[0] * taps };
}

export const zeros: Initialiser = () => {};

export const ones: Initialiser = (out) => void out.fill(1);

/** Uniform in [-bound, bound). */
export function uniform(bound: number): Initialiser {
  return (out, _, random) => {
    random.fillUniform(out);
    for (let i = 0; i < out.length; i++) out[i] = (2 * out[i] - 1) * bound;
  };
}

/** Normal with mean 0. */
export function normal(std: number): Initialiser {
  return (out, _, random) => {
    random.fillNormal(out);
    for (let i = 0; i < out.length; i++) out[i] *= std;
  };
}

/** PyTorch's default for linear and convolution weights: uniform in ±1/sqrt(fanIn) (He et al. 2015 with a = sqrt 5). */
export const torchDefault: Initialiser = (out, shape, random) =>
  uniform(1 / Math.sqrt(fans(shape).fanIn))(out, shape, random);

/** DDPM's default: variance scaling, fan average, uniform: ±sqrt(6 · scale / (fanIn + fanOut)) (Glorot 2010 at 1). */
export function varianceScaling(scale: number): Initialiser {
  return (out, shape, random) => {
    const { fanIn, fanOut } = fans(shape);
    uniform(Math.sqrt((6 * scale) / (fanIn + fanOut)))(out, shape, random);
  };
}
