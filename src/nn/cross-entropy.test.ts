/**
 * The cross entropy against its closed forms in float64 (Bishop 2006, eq. 4.108, 4.109).
 */
import { describe, expect, it } from "vitest";
import { ShapeError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { gradients } from "../grad/gradients.ts";
import { graphOf } from "../graph/graph.ts";
import { input } from "../graph/ops.ts";
import { nodeRuntime } from "../runtime/node/session.ts";
import { expectClose } from "../runtime/testing/compare.ts";
import { crossEntropy } from "./cross-entropy.ts";

async function computed(rows: number[][], labels: number[]) {
  const logits = input("logits", [rows.length, rows[0].length]);
  const loss = crossEntropy(logits, input("labels", [labels.length], "int32"));
  const [slope] = gradients(loss, [logits]);
  await using session = await nodeRuntime().compile(graphOf({ loss, slope }), { threads: 1 });
  return await session.run({ logits: Float32Array.from(rows.flat()), labels: Int32Array.from(labels) });
}

/** Loss and gradient in float64. */
function closedForm(rows: number[][], labels: number[]): { loss: number; slope: number[] } {
  let loss = 0;
  const slope: number[] = [];
  for (const [i, row] of rows.entries()) {
    const total = row.reduce((sum, z) => sum + Math.exp(z), 0);
    loss += (Math.log(total) - row[labels[i]]) / rows.length;
    slope.push(...row.map((z, k) => (Math.exp(z) / total - (k === labels[i] ? 1 : 0)) / rows.length));
  }
  return { loss, slope };
}

const tolerance = { relative: 1e-6, ofLargest: 1e-6 };

describe("crossEntropy", () => {
  it("agrees with the closed form, and so does its gradient", async () => {
    const random = Random.from(5);
    const rows = Array.from({ length: 7 }, () => Array.from({ length: 4 }, () => Math.fround(3 * random.normal())));
    const labels = [0, 3, 1, 2, 3, 3, 0];
    const results = await computed(rows, labels);
    const expected = closedForm(rows, labels);
    expectClose(results.loss, [expected.loss], "loss", tolerance);
    expectClose(results.slope, expected.slope, "gradient", tolerance);
  });

  it("is ln K where all logits are equal, with a gradient that sums to zero", async () => {
    const { loss, slope } = await computed([[2, 2, 2, 2, 2]], [3]);
    expectClose(loss, [Math.log(5)], "loss", tolerance);
    expectClose(slope, [0.2, 0.2, 0.2, -0.8, 0.2], "gradient", tolerance);
  });

  it("neither overflows nor loses a large loss", async () => {
    const rows = [
      [1000, 0],
      [1000, 0],
      [-1000, -1000],
    ];
    const { loss, slope } = await computed(rows, [0, 1, 1]);
    expectClose(loss, [(0 + 1000 + Math.LN2) / 3], "loss", tolerance);
    expectClose(slope, [0, 0, 1 / 3, -1 / 3, 1 / 6, -1 / 6], "gradient", tolerance);
  });

  it("refuses other shapes", () => {
    const logits = input("logits", [3, 4]);
    expect(() => crossEntropy(logits, input("labels", [4], "int32"))).toThrow(ShapeError);
    expect(() => crossEntropy(logits, input("labels", [3]))).toThrow(/not \[3, 4\] and float32 \[3\]/);
    expect(() => crossEntropy(input("logits", [3]), input("labels", [3], "int32"))).toThrow(ShapeError);
  });
});
