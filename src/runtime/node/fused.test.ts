/**
 * Products whose operands are read transposed, and products that something is added to (`onnx/fused.ts`), against the
 * reference evaluator.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { describe, expect, it } from "vitest";
import { Random } from "../../core/random.ts";
import { sizeOf } from "../../core/shape.ts";
import { graphOf, inputsOf } from "../../graph/graph.ts";
import { add, input, matmul, transpose, transposeLast } from "../../graph/ops.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { toOnnx } from "../../onnx/export.ts";
import { evaluate } from "../reference/session.ts";
import { expectClose } from "../testing/compare.ts";
import { nodeRuntime } from "./session.ts";

const a = input("a", [3, 5]);
const b = input("b", [3, 4]);
const c = input("c", [4, 5]);
const stack = input("stack", [2, 3, 5]);
const product = matmul(transposeLast(a), b); // [5, 4]

const cases: Record<string, Record<string, Tensor>> = {
  "a transposed on the left": { y: product },
  "transposed on the right": { y: matmul(a, transposeLast(c)) },
  "both transposed": { y: matmul(transposeLast(a), transposeLast(input("d", [6, 3]))) },
  "a transposed operand that others read": { y: product, z: transposeLast(a) },
  "one transposed operand of two products": { y: product, z: matmul(transposeLast(a), input("e", [3, 2])) },
  "a square": { y: matmul(transposeLast(a), a) },
  "stacked matrices": { y: matmul(transposeLast(stack), stack) },
  "stacked matrices and one": { y: matmul(stack, transposeLast(c)) },
  "axes exchanged otherwise": { y: matmul(transpose(stack, [1, 0, 2]), transposeLast(c)) },
  "plus a row": { y: add(product, input("row", [4])) },
  "plus a row that comes first": { y: add(input("row", [4]), product) },
  "plus a row of one": { y: add(product, input("row", [1, 4])) },
  "plus a column": { y: add(product, input("column", [5, 1])) },
  "plus a number": { y: add(product, input("number", [])) },
  "plus a matrix": { y: add(product, input("more", [5, 4])) },
  "plus a product": { y: add(product, matmul(transposeLast(a), input("f", [3, 4]))) },
  "plus itself": { y: add(product, product) },
  "plus more axes": { y: add(product, input("more", [2, 5, 4])) },
  "of stacked rows, plus a row": { y: add(matmul(stack, transposeLast(c)), input("row", [4])) },
  "of stacked rows, plus a stack": { y: add(input("more", [2, 3, 4]), matmul(stack, transposeLast(c))) },
  "of a stack whose axes were exchanged, plus a row": {
    y: add(matmul(transposeLast(stack), input("g", [3, 2])), input("row", [2])),
  },
  "that is wider than what is added to it is not": { y: add(matmul(input("one", [1, 3]), b), input("more", [5, 4])) },
  "that others read": { y: add(product, input("row", [4])), z: product },
};

describe("a product", () => {
  it.each(Object.entries(cases))("%s", async (_, outputs) => {
    const graph = graphOf(outputs);
    const random = Random.from(3);
    const feeds = Object.fromEntries(inputsOf(graph).map(({ name, shape }) => [name, random.normals(sizeOf(shape))]));
    await using session = await nodeRuntime().compile(graph, { preparation: "quick" });
    const [actual, expected] = [await session.run(feeds), evaluate(graph, feeds, "float64")];
    for (const name of Object.keys(outputs)) expectClose(actual[name], expected[name], name);
  });

  it("reads transposed operands where they lie, in sessions and not in files", () => {
    const graph = graphOf({ y: add(product, input("row", [4])), z: matmul(stack, transposeLast(c)) });
    const ops = (convBlock?: number) => {
      const { graph: onnx } = fromBinary(ModelProtoSchema, toOnnx(graph, {}, { convBlock }));
      return onnx!.node.map(({ opType }) => opType).sort();
    };
    expect(ops(16)).toEqual(["FusedMatMul", "Gemm"]);
    expect(ops()).toEqual(["Add", "MatMul", "MatMul", "Transpose", "Transpose"]);
  });
});
