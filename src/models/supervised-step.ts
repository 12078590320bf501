/**
 * Training a module on the host's batches: loss, gradients and Adam of one batch in one graph, which is fed the state and
 * gives it back. For small networks beside the diffusion models (classifiers); those train with `train`.
 */
import { gradients } from "../grad/gradients.ts";
import { type Graph, graphOf } from "../graph/graph.ts";
import { input, reshape, slice } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import { traceWith } from "../nn/module.ts";
import { type SlabLayout, Weights } from "../nn/weights.ts";
import { type AdamOptions, adamScalars, adamUpdate } from "../optim/adam.ts";
import type { CompileOptions, Feeds, Runtime, Session } from "../runtime/session.ts";

export interface SupervisedStepOptions extends CompileOptions {
  /** Where training begins; the arrays are not changed. */
  initial: Weights;
  /** The scalar loss of a batch, of inputs that it makes itself; traced with the parameters bound. */
  loss: () => Tensor;
  runtime: Runtime;
  adam?: AdamOptions;
}

export class SupervisedStep implements AsyncDisposable {
  readonly #session: Session;
  readonly #layout: SlabLayout;
  readonly #adam: AdamOptions;
  readonly #state: Record<string, Float32Array> = {};
  #steps = 0;

  private constructor(session: Session, initial: Weights, adam: AdamOptions) {
    this.#session = session;
    this.#layout = initial.layout;
    this.#adam = adam;
    for (const [slab, values] of initial.slabs.entries()) {
      this.#state[`parameters.${slab}`] = values;
      this.#state[`first.${slab}`] = new Float32Array(values.length);
      this.#state[`second.${slab}`] = new Float32Array(values.length);
    }
  }

  static async compile(options: SupervisedStepOptions): Promise<SupervisedStep> {
    const { initial, loss, runtime, adam = {}, ...compiling } = options;
    const session = await runtime.compile(stepGraph(initial.layout, loss, adam), compiling);
    return new SupervisedStep(session, initial, adam);
  }

  /** One update on a batch, fed to the inputs of the loss. Returns the loss before it. */
  async run(batch: Feeds, learningRate: number): Promise<number> {
    const { stepSize, epsilon, keep } = adamScalars(++this.#steps, learningRate, this.#adam);
    const scalars = Float32Array.of(stepSize, epsilon, keep);
    const results = await this.#session.run({ ...this.#state, ...batch, scalars });
    for (const name of Object.keys(this.#state)) this.#state[name] = results[`next.${name}`] as Float32Array;
    return results.loss[0];
  }

  /** The weights after the steps so far. */
  weights(): Weights {
    return new Weights(
      this.#layout,
      this.#layout.lengths.map((_, slab) => this.#state[`parameters.${slab}`]),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#session.release();
  }
}

/** State tensors come back under their names, prefixed by `next.`. */
function stepGraph(layout: SlabLayout, loss: () => Tensor, adam: AdamOptions): Graph {
  const numbers = input("scalars", [3]);
  const [stepSize, epsilon, keep] = [0, 1, 2].map((at) => reshape(slice(numbers, 0, at, at + 1), []));
  const parameters = layout.inputs("parameters");
  const first = layout.inputs("first");
  const second = layout.inputs("second");
  const cut = layout.cut(parameters);
  const value = traceWith({ parameters: cut }, loss);
  const wanted = layout.entries.map(({ parameter }) => cut.get(parameter)!);
  const outputs: Record<string, Tensor> = { loss: value };
  for (const [slab, gradient] of layout.join(gradients(value, wanted)).entries()) {
    const before = { parameters: parameters[slab], first: first[slab], second: second[slab] };
    const next = adamUpdate(before, gradient, { stepSize, epsilon, keep }, adam);
    outputs[`next.parameters.${slab}`] = next.parameters;
    outputs[`next.first.${slab}`] = next.first;
    outputs[`next.second.${slab}`] = next.second;
  }
  return graphOf(outputs);
}
