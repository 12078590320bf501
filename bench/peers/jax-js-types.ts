/**
 * The part of jax-js's interface that the benchmark calls. jax-js is no dependency of langevin, so that its own types
 * may not be there to import. An array that is passed on is used up; `ref` keeps it for one more use.
 */

export interface JaxArray {
  readonly ref: JaxArray;
  readonly shape: number[];
  add(other: JaxArray | number): JaxArray;
  sub(other: JaxArray | number): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  div(other: JaxArray | number): JaxArray;
  reshape(shape: number[]): JaxArray;
  transpose(axes?: number[]): JaxArray;
  sum(): JaxArray;
  data(): Promise<Float32Array>;
}

/** Parameters by their state-dict names. */
export type JaxTree = Record<string, JaxArray>;

export interface Jax {
  init(device: "wasm"): Promise<string[]>;
  defaultDevice(device: "wasm"): string;
  blockUntilReady<T>(tree: T): Promise<T>;
  jit<F>(f: F): F;
  valueAndGrad<A extends unknown[]>(
    f: (parameters: JaxTree, ...others: A) => JaxArray,
  ): (parameters: JaxTree, ...others: A) => [JaxArray, JaxTree];
  tree: { ref<T>(tree: T): T; dispose(tree: unknown): void };
  numpy: {
    array(values: Float32Array): JaxArray;
    concatenate(parts: JaxArray[], axis: number): JaxArray;
    cos(x: JaxArray): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    mean(x: JaxArray): JaxArray;
    minimum(a: JaxArray, b: JaxArray | number): JaxArray;
    reciprocal(x: JaxArray): JaxArray;
    repeat(x: JaxArray, repeats: number, axis: number): JaxArray;
    sin(x: JaxArray): JaxArray;
    sqrt(x: JaxArray): JaxArray;
    square(x: JaxArray): JaxArray;
    zerosLike(x: JaxArray): JaxArray;
  };
  lax: {
    conv(x: JaxArray, kernel: JaxArray, strides: number[], padding: [number, number][]): JaxArray;
  };
  nn: {
    silu(x: JaxArray): JaxArray;
    standardize(x: JaxArray, axis: number, options: { epsilon: number }): JaxArray;
    softmax(x: JaxArray, axis: number): JaxArray;
  };
  random: {
    key(seed: number): JaxArray;
    normal(key: JaxArray, shape: number[]): JaxArray;
  };
}
