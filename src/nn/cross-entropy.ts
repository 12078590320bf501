/**
 * The cross entropy of a classifier, as graph operations:
 *
 *   loss = mean_i ( log Σ_k exp(z_ik) − z_i,label(i) )
 *
 * with the largest logit m_i of each row taken out first, log Σ exp(z) = m + log Σ exp(z − m), so that no logit, however
 * large, overflows. Its gradient is (softmax(z) − one-hot(label)) / N.
 *
 * Source: Bishop, "Pattern Recognition and Machine Learning" (2006), eq. 4.108 and 4.109. Tested against these closed
 * forms in float64, to 1e-6.
 */
import { ShapeError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import { cast, constant, equal, exp, log, max, mean, mul, reshape, sub, sum } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";

/**
 * The mean cross entropy, a scalar in nats. `logits`: float32 [N, K]; `labels`: int32 [N], each in [0, K).
 * Raises a ShapeError for any other shapes. A label outside of [0, K) counts as none at all: check labels before.
 */
export function crossEntropy(logits: Tensor, labels: Tensor): Tensor {
  const [count, classes] = logits.shape;
  if (logits.rank !== 2 || labels.rank !== 1 || labels.shape[0] !== count || labels.dtype !== "int32") {
    throw new ShapeError(
      `crossEntropy() needs logits [N, K] and int32 labels [N], not ${formatShape(logits.shape)} and ${labels.dtype} ${formatShape(labels.shape)}`,
    );
  }
  const indices = constant(
    Int32Array.from({ length: classes }, (_, k) => k),
    [1, classes],
    "int32",
  );
  const oneHot = cast(equal(reshape(labels, [count, 1]), indices), "float32"); // [N, K]
  const largest = max(logits, { axes: [1], keepAxes: true }); // [N, 1]
  const shifted = sub(logits, largest); // [N, K], at most 0
  const logSum = log(sum(exp(shifted), { axes: [1] })); // [N], of a sum of at least 1
  const chosen = sum(mul(shifted, oneHot), { axes: [1] }); // [N]
  return mean(sub(logSum, chosen));
}
