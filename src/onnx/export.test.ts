import { fromBinary } from "@bufbuild/protobuf";
import { TensorProto_DataType as DataType, ModelProtoSchema } from "onnx-buf";
import { describe, expect, it } from "vitest";
import { convGeometry, transposeGeometry } from "../graph/geometry.ts";
import { type Graph, graphOf } from "../graph/graph.ts";
import {
  add,
  cast,
  constant,
  conv,
  exp,
  groupNorm,
  input,
  less,
  matmul,
  mul,
  neg,
  softmax,
  sum,
} from "../graph/ops.ts";
import { BLOCKED_DOMAIN } from "./builder.ts";
import { toOnnx } from "./export.ts";

function parse(graph: Graph, metadata?: Record<string, string>) {
  const model = fromBinary(ModelProtoSchema, toOnnx(graph, metadata));
  return { model, onnx: model.graph!, ops: model.graph!.node.map((node) => node.opType) };
}

type ValueInfo = ReturnType<typeof parse>["onnx"]["input"][number];

function describeValue({ name, type }: ValueInfo): [string, number, number[]] {
  if (type?.value.case !== "tensorType") throw new Error(`${name} is no tensor`);
  const { elemType, shape } = type.value.value;
  return [name, elemType, shape!.dim.map(({ value }) => Number(value.value))];
}

const geometry = convGeometry([4, 4], [3, 3], { padding: 1 });

describe("toOnnx", () => {
  it("declares opset, IR version, producer and metadata", () => {
    const { model } = parse(graphOf({ y: exp(input("x", [2])) }), { recipe: "digits" });
    expect(model.opsetImport.map(({ domain, version }) => [domain, version])).toEqual([["", 18n]]);
    expect(model.irVersion).toBe(9n);
    expect(model.producerName).toBe("langevin");
    expect(model.metadataProps.map(({ key, value }) => [key, value])).toEqual([["recipe", "digits"]]);
  });

  it("declares inputs in order of creation and outputs in theirs, with dtypes and shapes", () => {
    const [a, i] = [input("a", [2, 3]), input("i", [3], "int32")];
    const { onnx } = parse(graphOf({ sum: add(cast(i, "float32"), a), mask: less(a, 0), total: sum(a), kept: i }));
    expect(onnx.input.map(describeValue)).toEqual([
      ["a", DataType.FLOAT, [2, 3]],
      ["i", DataType.INT32, [3]],
    ]);
    expect(onnx.output.map(describeValue)).toEqual([
      ["sum", DataType.FLOAT, [2, 3]],
      ["mask", DataType.BOOL, [2, 3]],
      ["total", DataType.FLOAT, []],
      ["kept", DataType.INT32, [3]],
    ]);
  });

  it("defines every name once and before it is read", () => {
    const x = input("x", [2, 4, 4, 2]);
    const image = conv(groupNorm(x, constant([1, 2]), constant([0, 1]), 1, 1e-5), input("w", [9, 1, 4]), geometry, 2);
    const { onnx } = parse(graphOf({ y: softmax(image), twin: softmax(image), total: sum(image) }));
    const known = new Set<string>();
    const define = (name: string) => {
      expect(known.has(name), name).toBe(false);
      known.add(name);
    };
    for (const { name } of [...onnx.input, ...onnx.initializer]) define(name);
    for (const node of onnx.node) {
      for (const name of node.input) expect(known.has(name), `${node.name} reads ${name}`).toBe(true);
      node.output.forEach(define);
    }
    for (const { name } of onnx.output) expect(known.has(name)).toBe(true);
  });

  it("gives inner values other names than inputs and outputs", () => {
    const [x, y] = [input("Add_0", [1]), input("constant_0", [1])];
    const { onnx } = parse(graphOf({ Mul_1: mul(add(x, 1), add(y, 2)) }));
    const names = [...onnx.input, ...onnx.initializer]
      .map(({ name }) => name)
      .concat(onnx.node.map((n) => n.output[0]));
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(["Add_0", "constant_0", "Mul_1"]));
  });

  it("names outputs by the nodes that compute them: no Identity", () => {
    const x = input("x", [2, 4, 4, 2]);
    const outputs = { a: exp(x), b: neg(exp(x)), c: conv(x, input("w", [9, 2, 2]), geometry), d: sum(x) };
    const { ops, onnx } = parse(graphOf(outputs));
    expect(ops).not.toContain("Identity");
    for (const name of Object.keys(outputs)) expect(onnx.node.filter((node) => node.output[0] === name).length).toBe(1);
  });

  it("renames only an input, a constant and the twin of another output", () => {
    const x = input("x", [2]);
    const { ops } = parse(graphOf({ fed: x, fixed: constant([1, 2]), y: exp(x), twin: exp(x) }));
    expect(ops.filter((op) => op === "Identity").length).toBe(3);
  });

  it("leaves out what no output reaches", () => {
    const x = input("x", [2]);
    const dead = input("dead", [2]);
    softmax(add(dead, x));
    const { onnx, ops } = parse(graphOf({ y: neg(x) }));
    expect(ops).toEqual(["Neg"]);
    expect(onnx.input.map(({ name }) => name)).toEqual(["x"]);
    expect(onnx.initializer.length).toBe(0);
  });

  it("shares common nodes and constants", () => {
    const x = input("x", [2, 2]);
    const once = () => matmul(exp(mul(x, 3)), constant([1, 2, 3, 4], [2, 2]));
    const { ops, onnx } = parse(graphOf({ y: add(once(), once()) }));
    expect(ops).toEqual(["Mul", "Exp", "MatMul", "Add"]);
    expect(onnx.initializer.length).toBe(2);
  });

  it("shares the unfolded input of a convolution and its kernel gradient", () => {
    const x = input("x", [1, 4, 4, 2]);
    const { ops } = parse(
      graphOf({ y: conv(x, input("w", [9, 2, 2]), geometry), z: conv(x, input("v", [9, 2, 3]), geometry) }),
    );
    expect(ops.filter((op) => op === "Gather").length).toBe(1);
  });

  it("keeps the bytes of constants, whatever buffer they are part of", () => {
    const buffer = Float32Array.of(9, 1.5, -2, 9);
    const { onnx } = parse(graphOf({ y: add(input("x", [2]), constant(buffer.subarray(1, 3))) }));
    const raw = onnx.initializer[0].rawData;
    expect([...new Float32Array(raw.slice().buffer)]).toEqual([1.5, -2]);
  });

  it("is plain ONNX unless blocks of channels are asked for, and then only where they fit", () => {
    const wide = (side: number, channels: number, stride = 1, padding = 1) => {
      const read = convGeometry([side, side], [3, 3], { padding, stride });
      return graphOf({ y: conv(input("x", [1, side, side, channels]), input("w", [9, channels, 16]), read) });
    };
    const domains = (graph: Graph, convBlock?: number) => {
      const { graph: onnx, opsetImport } = fromBinary(ModelProtoSchema, toOnnx(graph, {}, { convBlock }));
      const used = new Set(onnx!.node.map((node) => node.domain));
      for (const domain of used) expect(opsetImport.map((opset) => opset.domain)).toContain(domain);
      return [...used].filter((domain) => domain !== "");
    };
    expect(domains(wide(4, 16))).toEqual([]);
    expect(domains(wide(4, 16), 16)).toEqual([BLOCKED_DOMAIN]);
    expect(domains(wide(4, 16, 2), 16)).toEqual([BLOCKED_DOMAIN]);
    expect(domains(wide(4, 8), 16)).toEqual([]);
    // Padding past the kernel's reach: the transposed convolution would have to cut positions off.
    const far = transposeGeometry(convGeometry([4, 4], [2, 2], { padding: 2 }));
    const cropped = graphOf({ y: conv(input("x", [1, 7, 7, 16]), input("w", [4, 16, 16]), far) });
    expect(domains(cropped, 16)).toEqual([]);
  });

  it("refuses names that clash", () => {
    expect(() => toOnnx(graphOf({ y: add(input("x", [2]), input("x", [2])) }))).toThrow(/two inputs/);
    expect(() => toOnnx(graphOf({ x: neg(input("x", [2])) }))).toThrow(/both an input and an output/);
  });
});
