/**
 * Clipping by the global norm: g ← g · min(1, limit / (‖g‖ + 1e-6)), over all slabs together (Pascanu et al. 2013), as
 * torch.nn.utils.clip_grad_norm_.
 */
import { add, div, minimum, sqrt, square, sum } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";

/** The norm before clipping, and the factor that clips, of rank 0; none without a limit. */
export function clipGlobalNorm(gradients: readonly Tensor[], limit?: number): { norm: Tensor; factor?: Tensor } {
  const norm = sqrt(gradients.map((gradient) => sum(square(gradient))).reduce((a, b) => add(a, b)));
  if (limit === undefined) return { norm };
  return { norm, factor: minimum(div(limit, add(norm, 1e-6)), 1) };
}
