/**
 * A learned noise schedule gamma(t) = -log-SNR of a variance-preserving path, t from 0 to 1, as a module whose parameters
 * train with the network:
 *
 *   gamma(t) = gamma0 + (gamma1 - gamma0) u(t)       u(t) = (g(t) - g(0)) / (g(1) - g(0))
 *   scalar:   g(t) = t
 *   network:  g(t) = |w1| t + 1/H sum_k |w3_k| phi(|w2_k| 2 (t - ½) + b_k),   phi(a) = 2 sigmoid(a) - 1
 *
 * so that the ends and the way between them are apart. The ends are kept as their change from where they began, in units
 * of the first gamma1 - gamma0: gamma0 = first gamma0 + width · a, gamma1 - gamma0 = width · exp(b). Then one learning rate
 * suits the schedule and the network, and weight decay pulls the ends to where they began, not to 0.
 *
 * Source: Kingma, Salimans, Poole, Ho, "Variational Diffusion Models" (2021), §5 and appendix H (the monotone network of
 * H = 1024), with its code's division by H. The slope g' is in closed form; tested against differences and for monotony.
 */
import { abs, add, constant, div, exp, mean, mul, reshape, sigmoid, split, sub } from "../../graph/ops.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { normal, ones, uniform, zeros } from "../../nn/initialise.ts";
import { Module, Parameter } from "../../nn/module.ts";
import type { Weights } from "../../nn/weights.ts";
import type { TrainingState } from "../state.ts";

/**
 * A schedule as it was learned: the options of the path `learned` (`diffusion/learned.ts`), whose gamma(t) is
 * offset + slope t + 1/H sum_k outer_k phi(inner_k (2t - 1) + innerBias_k), and whose network is fed what it was here.
 */
export interface LearnedGamma {
  offset: number;
  slope: number;
  /** [H] each; absent where gamma is a straight line. */
  inner?: number[];
  innerBias?: number[];
  outer?: number[];
  /** gamma(0) and gamma(1), which the network is fed as 0 and 1000. */
  networkRange: [number, number];
}

/** gamma at the times of a run. */
export interface GammaAt {
  /** Scalars, []. */
  start: Tensor;
  end: Tensor;
  /** u(t) and du/dt, [N]. */
  u: Tensor;
  slope: Tensor;
}

/** The way between the ends; [N] → g and g', [N] each. */
class Interior extends Module<[Tensor], { value: Tensor; slope: Tensor }> {
  readonly linear = new Parameter([1], ones);
  readonly inner: Parameter;
  readonly bias: Parameter;
  readonly outer: Parameter;
  readonly #hidden: number;

  constructor(hidden: number) {
    super();
    this.#hidden = hidden;
    // Sigmoids with centres all over [0, 1], and outer weights so small that gamma begins as a straight line.
    this.inner = new Parameter([hidden], normal(4));
    this.bias = new Parameter([hidden], uniform(4));
    this.outer = new Parameter([hidden], normal(0.01));
  }

  protected override forward(t: Tensor): { value: Tensor; slope: Tensor } {
    const row = (values: Tensor) => reshape(values, [1, this.#hidden]);
    const [inner, outer] = [row(abs(this.inner.value)), row(abs(this.outer.value))];
    const column = reshape(t, [-1, 1]); // [N, 1]
    const gate = sigmoid(add(mul(mul(sub(column, 0.5), 2), inner), row(this.bias.value))); // [N, H]
    const each = sub(mul(gate, 2), 1);
    const steepness = mul(mul(mul(gate, sub(1, gate)), 2), mul(inner, 2));
    const along = (values: Tensor) => mean(mul(values, outer), { axes: [1] }); // [N]
    const linear = abs(this.linear.value); // [1]
    return { value: add(mul(t, linear), along(each)), slope: add(along(steepness), linear) };
  }
}

export class Gamma extends Module<[Tensor], GammaAt> {
  readonly start = new Parameter([1], zeros);
  readonly width = new Parameter([1], zeros);
  readonly interior?: Interior;
  readonly #first: { start: number; width: number };

  /** `first`: gamma(0) and gamma(1) to begin with; `hidden`: units of the network between them, none for a straight line. */
  constructor(first: { start: number; end: number }, hidden?: number) {
    super();
    this.#first = { start: first.start, width: first.end - first.start };
    if (hidden !== undefined) this.interior = new Interior(hidden);
  }

  /** t [N], from 0 to 1. */
  protected override forward(t: Tensor): GammaAt {
    const { start, width } = this.#first;
    const least = add(mul(reshape(this.start.value, []), width), start);
    const most = add(mul(exp(reshape(this.width.value, [])), width), least);
    if (!this.interior) return { start: least, end: most, u: t, slope: add(mul(t, 0), 1) };
    const { value, slope } = this.interior.call(t);
    const ends = this.interior.call(constant([0, 1])).value;
    const [low, high] = split(ends, 2, 0); // [1]
    const range = sub(high, low); // [1]
    return { start: least, end: most, u: div(sub(value, low), range), slope: div(slope, range) };
  }

  /** The schedule that trained weights stand for; `prefix`: of its parameters' names. Computed in float64. */
  read(weights: Weights, prefix = "loss."): LearnedGamma {
    const tensors = weights.tensors();
    const numbers = (name: string) => Array.from(tensors.get(prefix + name)!.data);
    const start = this.#first.start + this.#first.width * numbers("start")[0];
    const width = this.#first.width * Math.exp(numbers("width")[0]);
    const networkRange: [number, number] = [start, start + width];
    if (!this.interior) return { offset: start, slope: width, networkRange };
    const [linear] = numbers("interior.linear").map(Math.abs);
    const [inner, outer] = ["interior.inner", "interior.outer"].map((name) => numbers(name).map(Math.abs));
    const innerBias = numbers("interior.bias");
    const phi = (a: number) => Math.tanh(a / 2); // 2 sigmoid(a) - 1
    const at = (t: number) =>
      linear * t + inner.reduce((sum, w, k) => sum + outer[k] * phi(w * (2 * t - 1) + innerBias[k]), 0) / inner.length;
    const scale = width / (at(1) - at(0));
    return {
      offset: start - scale * at(0),
      slope: scale * linear,
      inner,
      innerBias,
      outer: outer.map((w) => scale * w),
      networkRange,
    };
  }

  /** gamma(0) alone, in a state of which this module is a part. */
  startIn({ layout, slabs }: Pick<TrainingState, "layout" | "slabs">): number {
    const { slab, offset } = layout.entries.find(({ parameter }) => parameter === this.start)!;
    return this.#first.start + this.#first.width * slabs.parameters[slab][offset];
  }

  /** The parameters of the ends; those between them are `interior`'s. */
  get ends(): readonly Parameter[] {
    return [this.start, this.width];
  }
}
