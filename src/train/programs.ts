/**
 * The training step as graphs, from one trace: `gradients` (loss and gradient slabs) and `update` (clipping, Adam, the
 * average of the weights). On one device the two are one graph; with gradient accumulation or several machines they run
 * apart, with the sum between them. Both ways give the same numbers.
 *
 * What is minimised is a loss's own affair (`losses/loss.ts`). Where the times adapt to it, each image's loss is weighted
 * by its importance: loss = mean(importance · losses).
 */
import { ConfigError } from "../core/errors.ts";
import { type Shape, sizeOf } from "../core/shape.ts";
import { gradients } from "../grad/gradients.ts";
import { type Graph, graphOf } from "../graph/graph.ts";
import { add, detach, input, mean, mul, reshape, slice, sub } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { ImageNetwork } from "../models/network.ts";
import { type Parameter, traceWith } from "../nn/module.ts";
import { SlabLayout, Weights } from "../nn/weights.ts";
import { type AdamOptions, type AdamScalars, adamUpdate } from "../optim/adam.ts";
import { clipGlobalNorm } from "../optim/clip.ts";
import type { Loss, NetworkCall } from "./losses/loss.ts";
import { simpleGraph } from "./losses/simple.ts";

export interface ProgramOptions {
  network: ImageNetwork;
  layout: SlabLayout;
  /** Images of one run of the graph. */
  batch: number;
  optimiser: AdamOptions;
  /** Limit of the global gradient norm; no clipping when absent. */
  clip?: number;
  /** Keeps the values between the network's blocks alone, and computes the rest again for the gradients. */
  checkpointing?: boolean;
  /** The simple loss when absent. */
  loss?: Pick<Loss, "feeds" | "graph" | "time">;
}

/** The scalars of one update, in the order of the `scalars` input. */
export const scalarNames = ["stepSize", "epsilon", "keep", "emaDecay"] as const satisfies readonly (
  | keyof AdamScalars
  | "emaDecay"
)[];

interface Gradients {
  /** Of one run, in the order in which they are returned by its session. */
  outputs: { loss: Tensor; errors: Tensor; losses: Tensor };
  slabs: Tensor[];
}

/** Which of the names that a graph's inputs have a loss may not take. */
const taken = new Set(["images", "noise", "classLabels", "importance", "dropoutSeed", "scalars"]);

function traceGradients(options: ProgramOptions, slabs: StateInputs): Gradients {
  const { network, layout, batch, loss: minimised = simpleGraph as Pick<Loss, "feeds" | "graph" | "time"> } = options;
  const shape: Shape = [batch, ...network.imageShape];
  const feeds = Object.entries(minimised.feeds(network.imageShape)).map(([name, each]) => {
    if (taken.has(name) || name.includes(".")) throw new ConfigError(`a loss cannot have a feed called ${name}`);
    return [name, input(name, [batch, ...each])] as const;
  });
  const classLabels = network.classes === undefined ? undefined : input("classLabels", [batch], "int32");
  const cut = layout.cut(slabs.parameters);
  const { errors, losses, steer } = traceWith({ parameters: cut }, () =>
    minimised.graph({
      images: input("images", shape),
      noise: input("noise", shape),
      feeds: Object.fromEntries(feeds),
      classLabels,
      call: callOf(options, slabs, cut, classLabels),
    }),
  ); // [N]
  const loss = mean(minimised.time?.adaptive ? mul(losses, input("importance", [batch])) : losses);
  const wanted = layout.entries.map((entry) => cut.get(entry.parameter)!);
  const found = gradients(loss, [...wanted, ...(steer?.at ?? [])]);
  const steered = steer?.gradients(found.slice(wanted.length));
  const joined = layout.join(layout.entries.map(({ parameter }, i) => steered?.get(parameter) ?? found[i]));
  return { outputs: { loss, errors, losses }, slabs: joined };
}

interface StateInputs {
  parameters: readonly Tensor[];
  average: readonly Tensor[];
}

/** The network as a loss calls it. */
function callOf(
  { network, layout, checkpointing }: ProgramOptions,
  slabs: StateInputs,
  trained: ReadonlyMap<Parameter, Tensor>,
  ownLabels: Tensor | undefined,
): NetworkCall {
  const seed = input("dropoutSeed", [2], "int32");
  return (sample, time, { weights = "trained", classLabels = ownLabels, dropout = weights === "trained" } = {}) => {
    const parameters =
      weights === "trained"
        ? trained
        : weights === "average"
          ? layout.cut(slabs.average)
          : new Weights(new SlabLayout(network), weights.slabs).constants();
    const checkpointed = checkpointing && weights === "trained" ? new Set(network.segments) : undefined;
    const context = { parameters, dropoutSeed: dropout ? seed : undefined, checkpointed };
    const output = traceWith(context, () => network.call({ sample, time, classLabels }));
    return weights === "trained" ? output : detach(output);
  };
}

function traceUpdate(
  { layout, optimiser, clip }: ProgramOptions,
  { parameters, average }: StateInputs,
  slabs: readonly Tensor[],
): Record<string, Tensor> {
  const values = input("scalars", [scalarNames.length]);
  const scalars = Object.fromEntries(
    scalarNames.map((name, i) => [name, reshape(slice(values, 0, i, i + 1), [])]),
  ) as Record<(typeof scalarNames)[number], Tensor>;
  const first = layout.inputs("first");
  const second = layout.inputs("second");
  const { norm, factor } = clipGlobalNorm(slabs, clip);
  const outputs: Record<string, Tensor> = { gradientNorm: norm };
  for (const [slab, gradient] of slabs.entries()) {
    const state = { parameters: parameters[slab], first: first[slab], second: second[slab] };
    const next = adamUpdate(state, gradient, scalars, optimiser, factor);
    outputs[`parameters.${slab}`] = next.parameters;
    outputs[`first.${slab}`] = next.first;
    outputs[`second.${slab}`] = next.second;
    outputs[`average.${slab}`] = add(mul(sub(average[slab], next.parameters), scalars.emaDecay), next.parameters);
  }
  return outputs;
}

const stateInputs = (layout: SlabLayout): StateInputs => ({
  parameters: layout.inputs("parameters"),
  average: layout.inputs("average"),
});

/** One graph for the whole step; state tensors come back under the names of their inputs, prefixed by `next.`. */
export function fusedProgram(options: ProgramOptions): Graph {
  const state = stateInputs(options.layout);
  const { outputs, slabs } = traceGradients(options, state);
  return graphOf({ ...outputs, ...asNext(traceUpdate(options, state, slabs)) });
}

/** Losses and gradient slabs `gradient.0` … of one batch. */
export function gradientsProgram(options: ProgramOptions): Graph {
  const { outputs, slabs } = traceGradients(options, stateInputs(options.layout));
  return graphOf({ ...outputs, ...Object.fromEntries(slabs.map((slab, i) => [`gradient.${i}`, slab])) });
}

/** From gradient slabs to the next state. */
export function updateProgram(options: ProgramOptions): Graph {
  const { layout } = options;
  return graphOf(asNext(traceUpdate(options, stateInputs(layout), layout.inputs("gradient"))));
}

function asNext(outputs: Record<string, Tensor>): Record<string, Tensor> {
  const rename = (name: string) => (name.includes(".") ? `next.${name}` : name);
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [rename(name), tensor]));
}

/** Elements of one image of a network. */
export function imageSize(network: ImageNetwork): number {
  return sizeOf(network.imageShape);
}
