/**
 * The training step as graphs, from one trace: `gradients` (loss and gradient slabs) and `update` (clipping, Adam, the
 * average of the weights). On one device the two are one graph; with gradient accumulation or several machines they run
 * apart, with the sum between them. Both ways give the same numbers.
 *
 * Loss: w(t) · mean over pixels of (network(α x0 + σ ε, t) − (a x0 + b ε))², mean over the batch. The path, the
 * prediction and the weighting are only numbers α, σ, a, b, w for each example, drawn on the host in float64.
 */
import { type Shape, sizeOf } from "../core/shape.ts";
import { gradients } from "../grad/gradients.ts";
import { type Graph, graphOf } from "../graph/graph.ts";
import { add, input, mean, mul, reshape, slice, square, sub } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { ImageNetwork } from "../models/network.ts";
import { traceWith } from "../nn/module.ts";
import type { SlabLayout } from "../nn/weights.ts";
import { type AdamOptions, type AdamScalars, adamUpdate } from "../optim/adam.ts";
import { clipGlobalNorm } from "../optim/clip.ts";

export interface ProgramOptions {
  network: ImageNetwork;
  layout: SlabLayout;
  /** Images of one run of the graph. */
  batch: number;
  optimiser: AdamOptions;
  /** Limit of the global gradient norm; no clipping when absent. */
  clip?: number;
}

/** The numbers of each example, all [batch]; the names are those of the graph's inputs. */
export const coefficientNames = ["alpha", "sigma", "targetSample", "targetNoise", "weight", "time"] as const;

/** The scalars of one update, in the order of the `scalars` input. */
export const scalarNames = ["stepSize", "epsilon", "keep", "emaDecay"] as const satisfies readonly (
  | keyof AdamScalars
  | "emaDecay"
)[];

interface Gradients {
  loss: Tensor;
  /** The squared error of each example before weighting, [batch]. */
  errors: Tensor;
  slabs: Tensor[];
}

function traceGradients({ network, layout, batch }: ProgramOptions, parameters: readonly Tensor[]): Gradients {
  const shape: Shape = [batch, ...network.imageShape];
  const images = input("images", shape);
  const noise = input("noise", shape);
  const [alpha, sigma, targetSample, targetNoise, weight, time] = coefficientNames.map((name) => input(name, [batch]));
  const perImage = (values: Tensor) => reshape(values, [batch, 1, 1, 1]);
  const mix = (a: Tensor, b: Tensor) => add(mul(images, perImage(a)), mul(noise, perImage(b)));

  const cut = layout.cut(parameters);
  const dropoutSeed = input("dropoutSeed", [2], "int32");
  const classLabels = network.classes === undefined ? undefined : input("classLabels", [batch], "int32");
  const sample = mix(alpha, sigma);
  const output = traceWith({ parameters: cut, dropoutSeed }, () => network.call({ sample, time, classLabels }));
  const errors = mean(square(sub(output, mix(targetSample, targetNoise))), { axes: [1, 2, 3] }); // [N]
  const loss = mean(mul(errors, weight));
  const wanted = layout.entries.map((entry) => cut.get(entry.parameter)!);
  return { loss, errors, slabs: layout.join(gradients(loss, wanted)) };
}

function traceUpdate(
  { layout, optimiser, clip }: ProgramOptions,
  parameters: readonly Tensor[],
  slabs: readonly Tensor[],
): Record<string, Tensor> {
  const values = input("scalars", [scalarNames.length]);
  const scalars = Object.fromEntries(
    scalarNames.map((name, i) => [name, reshape(slice(values, 0, i, i + 1), [])]),
  ) as Record<(typeof scalarNames)[number], Tensor>;
  const first = layout.inputs("first");
  const second = layout.inputs("second");
  const average = layout.inputs("average");
  const { norm, clipped } = clipGlobalNorm(slabs, clip);
  const outputs: Record<string, Tensor> = { gradientNorm: norm };
  for (const [slab, gradient] of clipped.entries()) {
    const state = { parameters: parameters[slab], first: first[slab], second: second[slab] };
    const next = adamUpdate(state, gradient, scalars, optimiser);
    outputs[`parameters.${slab}`] = next.parameters;
    outputs[`first.${slab}`] = next.first;
    outputs[`second.${slab}`] = next.second;
    outputs[`average.${slab}`] = add(mul(sub(average[slab], next.parameters), scalars.emaDecay), next.parameters);
  }
  return outputs;
}

/** One graph for the whole step; state tensors come back under the names of their inputs, prefixed by `next.`. */
export function fusedProgram(options: ProgramOptions): Graph {
  const parameters = options.layout.inputs("parameters");
  const { loss, errors, slabs } = traceGradients(options, parameters);
  return graphOf({ loss, errors, ...asNext(traceUpdate(options, parameters, slabs)) });
}

/** Loss and gradient slabs `gradient.0` … of one batch. */
export function gradientsProgram(options: ProgramOptions): Graph {
  const { loss, errors, slabs } = traceGradients(options, options.layout.inputs("parameters"));
  return graphOf({ loss, errors, ...Object.fromEntries(slabs.map((slab, i) => [`gradient.${i}`, slab])) });
}

/** From gradient slabs to the next state. */
export function updateProgram(options: ProgramOptions): Graph {
  const parameters = options.layout.inputs("parameters");
  return graphOf(asNext(traceUpdate(options, parameters, options.layout.inputs("gradient"))));
}

function asNext(outputs: Record<string, Tensor>): Record<string, Tensor> {
  const rename = (name: string) => (name.includes(".") ? `next.${name}` : name);
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [rename(name), tensor]));
}

/** Elements of one image of a network. */
export function imageSize(network: ImageNetwork): number {
  return sizeOf(network.imageShape);
}
