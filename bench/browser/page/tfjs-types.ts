/** The part of TensorFlow.js's interface that the benchmark calls; it is no dependency of langevin. */
export interface TfTensor {
  readonly shape: number[];
  add(other: TfTensor | number): TfTensor;
  sub(other: TfTensor | number): TfTensor;
  mul(other: TfTensor | number): TfTensor;
  div(other: TfTensor | number): TfTensor;
  reshape(shape: readonly number[]): TfTensor;
  transpose(axes?: readonly number[]): TfTensor;
  square(): TfTensor;
  sqrt(): TfTensor;
  rsqrt(): TfTensor;
  sigmoid(): TfTensor;
  softmax(axis?: number): TfTensor;
  mean(axes?: readonly number[], keepDims?: boolean): TfTensor;
  sum(): TfTensor;
  data(): Promise<Float32Array>;
  dispose(): void;
}

export interface TfVariable extends TfTensor {
  readonly name: string;
  assign(value: TfTensor): void;
}

export interface TensorFlow {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  tensor(values: Float32Array, shape: readonly number[]): TfTensor;
  variable(initial: TfTensor, trainable: boolean, name: string): TfVariable;
  randomNormal(shape: readonly number[]): TfTensor;
  conv2d(x: TfTensor, kernel: TfTensor, strides: number, pad: number | "same"): TfTensor;
  matMul(a: TfTensor, b: TfTensor, transposeA?: boolean, transposeB?: boolean): TfTensor;
  concat(parts: readonly TfTensor[], axis: number): TfTensor;
  tile(x: TfTensor, repeats: readonly number[]): TfTensor;
  sin(x: TfTensor): TfTensor;
  cos(x: TfTensor): TfTensor;
  minimum(a: TfTensor, b: TfTensor | number): TfTensor;
  variableGrads(
    f: () => TfTensor,
    variables: readonly TfVariable[],
  ): { value: TfTensor; grads: Record<string, TfTensor> };
  tidy<T>(f: () => T): T;
  train: { adam(rate: number, beta1: number, beta2: number, epsilon: number): { applyGradients(grads: object): void } };
  wasm?: { setWasmPaths(prefix: string): void; setThreadsCount(count: number): void };
}
