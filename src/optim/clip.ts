/**
 * Clipping by the global norm: g ← g · min(1, limit / (‖g‖ + 1e-6)), over all slabs together (Pascanu et al. 2013), as
 * torch.nn.utils.clip_grad_norm_.
 */
import { add, div, minimum, mul, sqrt, square, sum } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";

/** The norm before clipping and the clipped slabs. Without a limit the slabs are returned as they are. */
export function clipGlobalNorm(gradients: readonly Tensor[], limit?: number): { norm: Tensor; clipped: Tensor[] } {
  const norm = sqrt(gradients.map((gradient) => sum(square(gradient))).reduce((a, b) => add(a, b)));
  if (limit === undefined) return { norm, clipped: [...gradients] };
  const factor = minimum(div(limit, add(norm, 1e-6)), 1);
  return { norm, clipped: gradients.map((gradient) => mul(gradient, factor)) };
}
