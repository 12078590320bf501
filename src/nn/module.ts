/**
 * Modules: trees of named parameters with a function over symbolic tensors.
 *
 * A module is a definition; the numbers live elsewhere (`Weights`), so one module can be traced for training, for
 * sampling and for export. Property names become state-dict names, joined by dots, as in PyTorch: that is how weights
 * travel to and from diffusers.
 */
import { ConfigError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import { checkpoint } from "../graph/ops.ts";
import { currentScope, inScope } from "../graph/scope.ts";
import { Tensor } from "../graph/tensor.ts";
import type { Initialiser } from "./initialise.ts";

/**
 * A trained tensor: its shape in a state dict, how it begins, and the order of axes in which it is kept in memory.
 */
export class Parameter {
  readonly shape: Shape;
  readonly initialise: Initialiser;
  /** Axes of `shape` in the order in which slabs and graphs keep them; as they are by default. */
  readonly order: readonly number[];

  constructor(shape: Shape, initialise: Initialiser, order: readonly number[] = shape.map((_, axis) => axis)) {
    this.shape = shape;
    this.initialise = initialise;
    this.order = order;
  }

  /** The shape in which slabs and graphs keep it. */
  get keptShape(): number[] {
    return this.order.map((axis) => this.shape[axis]);
  }

  /** The symbolic tensor, of `keptShape`, that stands for this parameter in the trace that is running. */
  get value(): Tensor {
    const tensor = traces.at(-1)?.parameters.get(this);
    if (!tensor) throw new ConfigError(`a parameter of ${currentScope()} is used outside of a trace of its model`);
    return tensor;
  }
}

/** What a running trace knows. */
export interface TraceContext {
  readonly parameters: ReadonlyMap<Parameter, Tensor>;
  /** Present while training: the seed (int32 [2]) of this step's dropout masks. */
  readonly dropoutSeed?: Tensor;
  /** Modules whose inside is computed again for the gradient, from what they are called with, instead of being kept. */
  readonly checkpointed?: ReadonlySet<Module<never[], unknown>>;
  /** Is told, while tracing, of every tensor that a module returns or names; see `report`. */
  readonly watch?: (seen: Seen) => void;
}

/** A tensor inside of a model, and where it is. */
export interface Seen {
  readonly module: Module<never[], unknown>;
  /** Names down to the module, as in a state dict: `down_blocks.0.resnets.1`; empty for the module that was called first. */
  readonly path: string;
  /** `out` for what the module returns, or the name by which it reports the tensor, such as `probabilities`. */
  readonly name: string;
  readonly tensor: Tensor;
}

/** A running trace; `depth`: modules that were being called when it began. */
const traces: (TraceContext & { streams: number; readonly depth: number })[] = [];

/** Runs `body` with parameters bound to tensors. */
export function traceWith<T>(context: TraceContext, body: () => T): T {
  traces.push({ ...context, streams: 0, depth: calling.length });
  try {
    return body();
  } finally {
    traces.pop();
  }
}

/** The seed of dropout masks and a stream number of their own for the caller; undefined when not training. */
export function dropoutStream(): { seed: Tensor; stream: number } | undefined {
  const trace = traces.at(-1);
  return trace?.dropoutSeed && { seed: trace.dropoutSeed, stream: trace.streams++ };
}

/**
 * Shows a tensor inside of the module being called to whoever watches the trace. Nothing happens where nobody does: a module
 * that has to compute one for this alone asks `isWatched()` first.
 */
export function report(name: string, tensor: Tensor): void {
  const trace = traces.at(-1);
  const at = calling.at(-1);
  if (!trace?.watch || !at) return;
  const names = calling.slice(trace.depth + 1).map(({ name }) => name);
  trace.watch({ module: at.module, path: names.filter((name) => name !== "").join("."), name, tensor });
}

/** Whether somebody watches the trace that is running. */
export function isWatched(): boolean {
  return traces.at(-1)?.watch !== undefined;
}

/** What a module returned, where that is a tensor, or an object with some. */
function reportResult(result: unknown): void {
  if (result instanceof Tensor) report("out", result);
  else if (typeof result === "object" && result !== null) {
    for (const [name, part] of Object.entries(result)) if (part instanceof Tensor) report(name, part);
  }
}

const calling: { readonly module: Module<never[], unknown>; readonly name: string }[] = [];

export abstract class Module<Arguments extends unknown[] = never[], Result = unknown> {
  /** The computation, over symbolic tensors. Call the module with `call`, which keeps the module path. */
  protected abstract forward(...inputs: Arguments): Result;

  /** Adds this module's computation to the graph. */
  call(...inputs: Arguments): Result {
    const parent = calling.at(-1);
    const name = parent ? nameIn(parent.module, this) : this.constructor.name;
    calling.push({ module: this as unknown as Module<never[], unknown>, name });
    try {
      const computed = inScope(name, () => this.forward(...inputs));
      const result = forgetting(this, inputs, computed);
      if (isWatched()) reportResult(result);
      return result;
    } finally {
      calling.pop();
    }
  }
}

/** The result of a module; where its inside is not to be kept, as a checkpoint. */
function forgetting<Result>(module: object, inputs: readonly unknown[], result: Result): Result {
  const forgets = traces.at(-1)?.checkpointed?.has(module as Module<never[], unknown>);
  return forgets && result instanceof Tensor ? (checkpoint(result, tensorsIn(inputs)) as typeof result) : result;
}

/** Tensors among arguments and in the objects among them. */
function tensorsIn(values: readonly unknown[]): Tensor[] {
  return values.flatMap((value) => {
    if (value instanceof Tensor) return [value];
    return typeof value === "object" && value !== null ? tensorsIn(Object.values(value)) : [];
  });
}

/** Direct children in order of definition: modules and parameters, through arrays. */
function* children(value: object): Generator<[string, Module | Parameter]> {
  for (const [key, child] of Object.entries(value)) {
    if (child instanceof Module || child instanceof Parameter) yield [key, child];
    else if (Array.isArray(child)) {
      for (const [name, inner] of children(child)) yield [`${key}.${name}`, inner];
    }
  }
}

function nameIn(parent: object, child: unknown): string {
  for (const [name, candidate] of children(parent)) if (candidate === child) return name;
  return "";
}

/**
 * All parameters of a module by state-dict name, in order of definition. Raises a ConfigError for a parameter that stands
 * at two places: tied weights are not supported.
 */
export function namedParameters(module: Module<never[], unknown>): Map<string, Parameter> {
  const found = new Map<string, Parameter>();
  const names = new Map<Parameter, string>();
  const visit = (value: object, prefix: string) => {
    for (const [name, child] of children(value)) {
      if (!(child instanceof Parameter)) {
        visit(child, `${prefix}${name}.`);
        continue;
      }
      if (names.has(child)) {
        throw new ConfigError(
          `one parameter stands at both ${names.get(child)} and ${prefix}${name}; give each place its own module`,
        );
      }
      names.set(child, prefix + name);
      found.set(prefix + name, child);
    }
  };
  visit(module, "");
  return found;
}

/**
 * A module and all modules below it by their paths, the module itself under "", each before its parts, in order of
 * definition.
 */
export function namedModules(module: Module<never[], unknown>): Map<string, Module<never[], unknown>> {
  const found = new Map([["", module]]);
  const visit = (value: object, prefix: string) => {
    for (const [name, child] of children(value)) {
      if (child instanceof Parameter) continue;
      found.set(prefix + name, child);
      visit(child, `${prefix}${name}.`);
    }
  };
  visit(module, "");
  return found;
}

/** Number of trained numbers. */
export function countParameters(module: Module<never[], unknown>): number {
  let count = 0;
  for (const parameter of namedParameters(module).values()) count += parameter.shape.reduce((a, b) => a * b, 1);
  return count;
}
