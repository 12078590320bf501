export * from "./geometry.ts";
export * from "./graph.ts";
export type * from "./op-types.ts";
export * from "./ops.ts";
export { shareCommon } from "./passes/common.ts";
export { expandComposed, groupStatistics } from "./passes/expand.ts";
export { inScope } from "./scope.ts";
export { emit, Tensor, type TensorType } from "./tensor.ts";
