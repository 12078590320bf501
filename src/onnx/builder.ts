/**
 * Writes ONNX: collects nodes, initialisers, inputs and outputs, and gives the bytes of a ModelProto.
 *
 * Opset 18 of the default domain, which every ONNX Runtime of the last years runs; IR version 9.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import type { DType, Shape, TensorArray } from "../core/shape.ts";

export const OPSET = 18;

/** The domain of ONNX Runtime's own operators. */
export const MICROSOFT_DOMAIN = "com.microsoft";
/** The domain of ONNX Runtime's blocked convolutions; see `blocked.ts`. */
export const BLOCKED_DOMAIN = "com.microsoft.nchwc";

const dataTypes: { [D in DType]: DataType } = {
  float32: DataType.FLOAT,
  int32: DataType.INT32,
  bool: DataType.BOOL,
};

/** Integer attributes are given as numbers, float attributes as `{ float }`. */
export type AttributeValue = number | readonly number[] | string | { readonly float: number };

export class OnnxBuilder {
  readonly #nodes: NodeProto[] = [];
  readonly #initialisers: TensorProto[] = [];
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  readonly #integers = new Map<string, string>();
  readonly #ready = new Map<string, string>();
  readonly #reserved: ReadonlySet<string>;
  /** Channels of a block where blocked convolutions may be used. */
  readonly convBlock?: number;
  #count = 0;

  /** `reserved`: the names of inputs and outputs, which no inner value may take. */
  constructor(reserved: Iterable<string> = [], convBlock?: number) {
    this.#reserved = new Set(reserved);
    this.convBlock = convBlock;
  }

  /** A name that nothing else has. */
  fresh(stem: string): string {
    let name: string;
    do name = `${stem}_${this.#count++}`;
    while (this.#reserved.has(name));
    return name;
  }

  /** Adds a node of one output and returns the output's name. */
  node(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    output?: string,
    domain = "",
  ): string {
    const name = output ?? this.fresh(opType);
    this.#nodes.push(
      create(NodeProtoSchema, {
        opType,
        domain,
        name,
        input: [...inputs],
        output: [name],
        attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
      }),
    );
    return name;
  }

  /** The value in another shape; equal ones are one node. */
  reshape(name: string, shape: Shape, output?: string): string {
    const make = () => this.node("Reshape", [name, this.integers(shape)], {}, output);
    return output === undefined ? this.once(`${name} as ${shape}`, make) : make();
  }

  /** A node that is added once for each key: index maps, casts of shared tensors. */
  once(key: string, make: () => string): string {
    let name = this.#ready.get(key);
    if (name === undefined) {
      name = make();
      this.#ready.set(key, name);
    }
    return name;
  }

  /** An int64 vector, as axes, shapes, starts and ends are given; equal vectors are stored once. */
  integers(values: readonly number[]): string {
    const key = values.join();
    let name = this.#integers.get(key);
    if (name === undefined) {
      name = this.fresh("integers");
      const data = BigInt64Array.from(values, BigInt);
      this.#initialise(name, DataType.INT64, [values.length], data);
      this.#integers.set(key, name);
    }
    return name;
  }

  /** A constant tensor. */
  constant(data: TensorArray, shape: Shape, dtype: DType, name = this.fresh("constant")): string {
    this.#initialise(name, dataTypes[dtype], shape, data);
    return name;
  }

  /** An unsigned constant, for the random bits. */
  unsigned(values: readonly number[], shape: Shape): string {
    const name = this.fresh("unsigned");
    this.#initialise(name, DataType.UINT32, shape, Uint32Array.from(values));
    return name;
  }

  /** A float scalar; equal scalars are stored once. */
  float(value: number): string {
    return this.once(`float ${value}`, () => this.constant(Float32Array.of(value), [], "float32"));
  }

  input(name: string, shape: Shape, dtype: DType): string {
    this.#inputs.push(valueInfo(name, shape, dtype));
    return name;
  }

  output(name: string, shape: Shape, dtype: DType): void {
    this.#outputs.push(valueInfo(name, shape, dtype));
  }

  /** The ModelProto. `metadata` is kept as the model's metadata_props. */
  bytes(metadata: Readonly<Record<string, string>> = {}): Uint8Array {
    const model = create(ModelProtoSchema, {
      irVersion: 9n,
      producerName: "langevin",
      opsetImport: [
        { domain: "", version: BigInt(OPSET) },
        ...(this.convBlock === undefined
          ? []
          : [MICROSOFT_DOMAIN, BLOCKED_DOMAIN].map((domain) => ({ domain, version: 1n }))),
      ],
      metadataProps: Object.entries(metadata).map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value }),
      ),
      graph: create(GraphProtoSchema, {
        name: "langevin",
        node: this.#nodes,
        initializer: this.#initialisers,
        input: this.#inputs,
        output: this.#outputs,
      }),
    });
    return toBinary(ModelProtoSchema, model);
  }

  #initialise(name: string, dataType: DataType, shape: Shape, data: ArrayBufferView): void {
    // Copied, because ONNX wants bytes of their own buffer; the machine is little endian, as raw_data is.
    const rawData = new Uint8Array(data.byteLength);
    rawData.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    this.#initialisers.push(create(TensorProtoSchema, { name, dataType, dims: shape.map(BigInt), rawData }));
  }
}

function attribute(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === "number") {
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
  }
  if (typeof value === "string") {
    const s = new Uint8Array(new TextEncoder().encode(value));
    return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s });
  }
  if ("float" in value) return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float });
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) });
}

function valueInfo(name: string, shape: Shape, dtype: DType): ValueInfoProto {
  const dim = shape.map((extent) => ({ value: { case: "dimValue" as const, value: BigInt(extent) } }));
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: "tensorType", value: { elemType: dataTypes[dtype], shape: { dim } } } },
  });
}
