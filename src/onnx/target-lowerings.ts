/** Forms of ops that one target has and others do not. */
import type { OpName } from "../graph/op-types.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Layouts } from "./layouts.ts";

/** Gives the name of the value in the graph's own layout, or nothing where its usual form is as good. */
export type TargetLowering<K extends OpName> = (layouts: Layouts, node: Tensor<K>) => string | undefined;

export type TargetLowerings = { readonly [K in OpName]?: TargetLowering<K> };
