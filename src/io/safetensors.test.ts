import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError, FileFormatError } from "../core/errors.ts";
import {
  decodeSafetensors,
  decodeSafetensorsHeader,
  encodeSafetensors,
  type SafetensorsDType,
  type SafetensorsTensor,
} from "./safetensors.ts";

/*
 * Made by safetensors 0.8.0 and torch 2.15.0 for Python; again by:
 *
 *   import torch, base64
 *   from safetensors.torch import save
 *   t = {"weight": torch.tensor([[0.5, -1.25, 3.0], [1e-3, -0.0, 65504.0]]),
 *        "half": torch.tensor([1.0, -2.5, 0.1, 65504.0, 6e-8], dtype=torch.float16),
 *        "brain": torch.tensor([1.0, -2.5, 0.1, 3e38], dtype=torch.bfloat16),
 *        "ids": torch.tensor([1, -2, 2**40]), "mask": torch.tensor([True, False, True]),
 *        "scalar": torch.tensor(7, dtype=torch.int32), "empty": torch.zeros(0, 4)}
 *   print(base64.b64encode(save(t, metadata={"format": "pt", "note": "tiny é"})).decode())
 *   print(t["half"].float().tolist())   # [1.0, -2.5, 0.0999755859375, 65504.0, 5.960464477539063e-08]; the last is 2^-24
 *   print(t["brain"].float().tolist())  # [1.0, -2.5, 0.10009765625, 3.00405527047391e+38]; the last is 226 * 2^120
 */
const PYTHON_FILE =
  "0AEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCIsIm5vdGUiOiJ0aW55IMOpIn0sImlkcyI6eyJkdHlwZSI6Ikk2NCIsInNoYXBlIjpbM10sImRhdGFfb2Zmc2V0cyI6WzAsMjRdfSwiZW1wdHkiOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzAsNF0sImRhdGFfb2Zmc2V0cyI6WzI0LDI0XX0sIndlaWdodCI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMiwzXSwiZGF0YV9vZmZzZXRzIjpbMjQsNDhdfSwic2NhbGFyIjp7ImR0eXBlIjoiSTMyIiwic2hhcGUiOltdLCJkYXRhX29mZnNldHMiOls0OCw1Ml19LCJicmFpbiI6eyJkdHlwZSI6IkJGMTYiLCJzaGFwZSI6WzRdLCJkYXRhX29mZnNldHMiOls1Miw2MF19LCJoYWxmIjp7ImR0eXBlIjoiRjE2Iiwic2hhcGUiOls1XSwiZGF0YV9vZmZzZXRzIjpbNjAsNzBdfSwibWFzayI6eyJkdHlwZSI6IkJPT0wiLCJzaGFwZSI6WzNdLCJkYXRhX29mZnNldHMiOls3MCw3M119fQEAAAAAAAAA/v////////8AAAAAAAEAAAAAAD8AAKC/AABAQG8SgzoAAACAAOB/RwcAAACAPyDAzT1ifwA8AMFmLv97AQABAAE=";

const fromBase64 = (text: string) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** A file from its parts, right or wrong. */
function fileOf(header: unknown, data: Uint8Array | number = 0, claimed?: bigint): Uint8Array {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const json = new TextEncoder().encode(text);
  const body = typeof data === "number" ? new Uint8Array(data) : data;
  const file = new Uint8Array(8 + json.length + body.length);
  new DataView(file.buffer).setBigUint64(0, claimed ?? BigInt(json.length), true);
  file.set(json, 8);
  file.set(body, 8 + json.length);
  return file;
}

const f32 = (shape: unknown, begin: unknown, end: unknown) => ({ dtype: "F32", shape, data_offsets: [begin, end] });

describe("decodeSafetensors", () => {
  it("reads a file of the Python library", () => {
    const { metadata, tensors } = decodeSafetensors(fromBase64(PYTHON_FILE), "python");
    expect(metadata).toEqual({ format: "pt", note: "tiny é" });
    const f = Math.fround;
    expect(tensors.get("weight")).toEqual({
      dtype: "F32",
      shape: [2, 3],
      data: Float32Array.of(0.5, -1.25, 3, f(1e-3), -0, 65504),
    });
    expect(tensors.get("half")).toEqual({
      dtype: "F16",
      shape: [5],
      data: Float32Array.of(1, -2.5, 0.0999755859375, 65504, 2 ** -24),
    });
    expect(tensors.get("brain")).toEqual({
      dtype: "BF16",
      shape: [4],
      data: Float32Array.of(1, -2.5, 0.10009765625, 226 * 2 ** 120),
    });
    expect(tensors.get("ids")).toEqual({ dtype: "I64", shape: [3], data: BigInt64Array.of(1n, -2n, 2n ** 40n) });
    expect(tensors.get("mask")).toEqual({ dtype: "BOOL", shape: [3], data: Uint8Array.of(1, 0, 1) });
    expect(tensors.get("scalar")).toEqual({ dtype: "I32", shape: [], data: Int32Array.of(7) });
    expect(tensors.get("empty")).toEqual({ dtype: "F32", shape: [0, 4], data: new Float32Array() });
    expect(tensors.size).toBe(7);
  });

  it("gives views where aligned, copies elsewhere, with the same numbers", () => {
    const file = encodeSafetensors(new Map([["w", { dtype: "F32", shape: [3], data: Float32Array.of(1, 2, 3) }]]));
    const aligned = decodeSafetensors(file, "file").tensors.get("w");
    expect(aligned?.data.buffer).toBe(file.buffer);
    const shifted = new Uint8Array(file.length + 1).subarray(1);
    shifted.set(file);
    const copied = decodeSafetensors(shifted, "file").tensors.get("w");
    expect(copied?.data.buffer).not.toBe(shifted.buffer);
    expect(copied?.data).toEqual(Float32Array.of(1, 2, 3));
  });

  it("reads the header alone, with the place of each tensor", () => {
    const file = fileOf({ a: f32([2], 4, 12), b: f32([], 0, 4) }, 12);
    const header = decodeSafetensorsHeader(file.subarray(0, file.length - 12), file.length, "file");
    expect(header.dataStart).toBe(file.length - 12);
    expect([...header.entries]).toEqual([
      ["b", { dtype: "F32", shape: [], offset: file.length - 12, bytes: 4 }],
      ["a", { dtype: "F32", shape: [2], offset: file.length - 8, bytes: 8 }],
    ]);
  });

  const hostile: [name: string, file: Uint8Array, message: RegExp][] = [
    ["an empty file", new Uint8Array(), /has 0 bytes/],
    ["seven bytes", new Uint8Array(7), /has 7 bytes/],
    ["a header cut off", fileOf({}).subarray(0, 9), /claims 2 bytes, but only 1 follow/],
    ["a header longer than the file", fileOf({}, 0, 1000n), /claims 1000 bytes, but only 2/],
    ["a header of 2^63 bytes", fileOf({}, 0, 2n ** 63n), /claims 9223372036854775808 bytes, and at most 100000000/],
    ["a header of 2^32 + 2 bytes", fileOf({}, 0, 2n ** 32n + 2n), /claims 4294967298 bytes/],
    ["a header of no bytes", new Uint8Array(8), /not JSON/],
    ["a header that is no text", fileOf({}, Uint8Array.of(0xff, 0xfe), 4n), /not UTF-8/],
    ["a header that is no JSON", fileOf("{"), /not JSON/],
    ["a byte order mark", fileOf("\ufeff{}"), /not JSON/],
    ["a list for a header", fileOf([1, 2]), /header is \[1, 2\], not a JSON object/],
    ["null for a header", fileOf("null"), /header is null/],
    ["blanks before the header", fileOf(" {}"), /not a JSON object/],
    ["metadata that is a list", fileOf({ __metadata__: [] }), /"__metadata__" is \[\]/],
    ["metadata that holds a number", fileOf({ __metadata__: { step: 3 } }), /"__metadata__" holds "step": 3/],
    ["a tensor that is a number", fileOf({ "unet.w": 3 }), /tensor "unet\.w" is described by 3/],
    ["a tensor that is a list", fileOf({ "unet.w": [] }), /tensor "unet\.w" is described by \[\]/],
    [
      "an unknown dtype",
      fileOf({ w: { ...f32([1], 0, 4), dtype: "F8_E4M3" } }, 4),
      /tensor "w" has the dtype "F8_E4M3"/,
    ],
    ["a dtype of Object", fileOf({ w: { ...f32([1], 0, 4), dtype: "toString" } }, 4), /dtype "toString"/],
    ["no dtype", fileOf({ w: { shape: [1], data_offsets: [0, 4] } }, 4), /dtype undefined/],
    ["no shape", fileOf({ w: f32(undefined, 0, 4) }, 4), /tensor "w" has the shape undefined/],
    ["a negative extent", fileOf({ w: f32([-1], 0, 4) }, 4), /shape \[-1\]/],
    ["two negative extents", fileOf({ w: f32([-1, -1], 0, 4) }, 4), /shape \[-1, -1\]/],
    ["a fractional extent", fileOf({ w: f32([0.5, 2], 0, 4) }, 4), /shape \[0\.5, 2\]/],
    ["an extent of text", fileOf({ w: f32(["1"], 0, 4) }, 4), /shape \["1"\]/],
    ["an extent of 1e300", fileOf({ w: f32([1e300], 0, 4) }, 4), /shape \[1e\+300\]/],
    ["a shape that overflows to the right size", fileOf({ w: f32([2 ** 32, 2 ** 32], 0, 0) }), /takes Infinity bytes/],
    ["a million large extents", fileOf({ w: f32(new Array(1e6).fill(2 ** 52), 0, 4) }, 4), /takes Infinity bytes/],
    ["a shape larger than its range", fileOf({ w: f32([2], 0, 4) }, 4), /of F32 \[2\] takes 8 bytes, but has 4/],
    ["a shape smaller than its range", fileOf({ w: f32([1], 0, 8) }, 8), /takes 4 bytes, but has 8/],
    [
      "offsets out of the file",
      fileOf({ w: f32([2], 0, 8) }, 4),
      /tensor "w" ends at byte 8 of the data, but the file holds 4/,
    ],
    ["negative offsets", fileOf({ w: f32([2], -4, 4) }, 4), /data_offsets \[-4, 4\]/],
    ["fractional offsets", fileOf({ w: f32([1], 0.5, 4.5) }, 8), /data_offsets \[0\.5, 4\.5\]/],
    ["offsets in reverse", fileOf({ w: f32([1], 4, 0) }, 4), /ends before it begins/],
    ["one offset", fileOf({ w: { ...f32([1], 0, 4), data_offsets: [0] } }, 4), /data_offsets \[0\]/],
    ["no offsets", fileOf({ w: { dtype: "F32", shape: [1] } }, 4), /data_offsets undefined/],
    ["an overlap", fileOf({ a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12), /tensor "b" overlaps tensor "a" by 4 bytes/],
    ["two tensors in one place", fileOf({ a: f32([1], 0, 4), b: f32([1], 0, 4) }, 4), /tensor "b" overlaps tensor "a"/],
    ["a hole", fileOf({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12), /4 bytes between tensor "a" and tensor "b"/],
    ["a hole at the start", fileOf({ b: f32([1], 4, 8) }, 8), /4 bytes between the header and tensor "b"/],
    ["trailing bytes", fileOf({ a: f32([1], 0, 4) }, 7), /3 bytes after tensor "a" belong to no tensor/],
    ["data without tensors", fileOf({}, 1), /1 bytes after the header/],
    [
      "a tensor named twice",
      fileOf(`{"w":${JSON.stringify(f32([0], 0, 0))},"w":${JSON.stringify(f32([0], 0, 0))}}`),
      /names "w" twice/,
    ],
    [
      "a tensor named twice, once escaped",
      fileOf(`{"w":${JSON.stringify(f32([0], 0, 0))},"\\u0077" :${JSON.stringify(f32([0], 0, 0))}}`),
      /names "w" twice/,
    ],
    [
      "a field named twice",
      fileOf('{"w":{"dtype":"F32","dtype":"F32","shape":[0],"data_offsets":[0,0]}}'),
      /names "dtype" twice/,
    ],
    ["a metadata key named twice", fileOf('{"__metadata__":{"a\\\\":"1","a\\\\":"2"}}'), /names "a\\\\" twice/],
    [
      "a shape nested 100,000 deep",
      fileOf(`{"w":{"dtype":"F32","shape":${"[".repeat(1e5)}${"]".repeat(1e5)}}}`),
      /tensor "w" has the shape a list of 1/,
    ],
    [
      "objects nested 100,000 deep",
      fileOf(`{"w":${'{"a":'.repeat(1e5)}1${"}".repeat(1e5)}}`),
      /tensor "w" has the dtype undefined/,
    ],
    ["a name of ten million letters", fileOf(`{"${"n".repeat(1e7)}":1}`), /tensor "n{77}\.\.\." is described by 1/],
  ];
  it.each(hostile)("refuses %s", (_, file, message) => {
    let error: unknown;
    try {
      decodeSafetensors(file, "bad.safetensors");
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(FileFormatError);
    expect((error as Error).message).toMatch(/^bad\.safetensors is not a usable safetensors file: /);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message.length).toBeLessThan(400);
  });

  it("accepts names that look like code, and the same field in different tensors", () => {
    const names = ["__proto__", "constructor", "7", "", 'quote"}', "back\\", "{", "é 漢"];
    const file = encodeSafetensors(
      new Map(names.map((name, i) => [name, { dtype: "I32", shape: [1], data: Int32Array.of(i) }])),
      { 'say "dtype":': '{"a":1,"a":2}' },
    );
    const { tensors, metadata } = decodeSafetensors(file, "file");
    expect([...tensors.keys()]).toEqual(names);
    expect(names.map((name) => tensors.get(name)?.data[0])).toEqual(names.map((_, i) => i));
    expect(metadata).toEqual({ 'say "dtype":': '{"a":1,"a":2}' });
  });
});

describe("encodeSafetensors", () => {
  it("writes the bytes of the specification", () => {
    const file = encodeSafetensors(
      new Map<string, SafetensorsTensor>([
        ["b", { dtype: "F32", shape: [1, 2], data: Float32Array.of(1, -2) }],
        ["a", { dtype: "I64", shape: [], data: BigInt64Array.of(-1n) }],
        ["h", { dtype: "F16", shape: [1], data: Float32Array.of(1) }],
      ]),
      { format: "pt" },
    );
    const header =
      '{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},' +
      '"a":{"dtype":"I64","shape":[],"data_offsets":[8,16]},"h":{"dtype":"F16","shape":[1],"data_offsets":[16,18]}}';
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8, " ");
    expect(file[0] + 256 * file[1]).toBe(padded.length);
    expect([...file.subarray(2, 8)]).toEqual([0, 0, 0, 0, 0, 0]);
    expect(new TextDecoder().decode(file.subarray(8, 8 + padded.length))).toBe(padded);
    expect([...file.subarray(8 + padded.length)]).toEqual(
      [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, ...new Array(8).fill(255), 0, 0x3c], // 1, -2, -1n, half 1
    );
  });

  const bad: [string, string, object, RegExp][] = [
    [
      "a shape that does not fit",
      "w",
      { dtype: "F32", shape: [3], data: new Float32Array(2) },
      /"w" has the shape \[3\], 3 elements, but 2/,
    ],
    ["a negative extent", "w", { dtype: "F32", shape: [-1, -2], data: new Float32Array(2) }, /shape \[-1, -2\]/],
    [
      "another array",
      "w",
      { dtype: "F32", shape: [2], data: new Float64Array(2) },
      /"w" of dtype F32 must be a Float32Array/,
    ],
    ["another dtype", "w", { dtype: "F8", shape: [2], data: new Uint8Array(2) }, /dtype "F8"; known: F64/],
    [
      "a number too large for F16",
      "w",
      { dtype: "F16", shape: [2], data: Float32Array.of(1, 65520) },
      /"w" holds 65520, too large for F16/,
    ],
    ["the reserved name", "__metadata__", { dtype: "U8", shape: [0], data: new Uint8Array() }, /cannot be named/],
  ];
  it.each(bad)("refuses %s", (_, name, tensor, message) => {
    expect(() => encodeSafetensors(new Map([[name, tensor as SafetensorsTensor]]))).toThrow(ConfigError);
    expect(() => encodeSafetensors(new Map([[name, tensor as SafetensorsTensor]]))).toThrow(message);
  });

  it("refuses metadata that is no text", () => {
    expect(() => encodeSafetensors(new Map(), { step: 3 as unknown as string })).toThrow(/"step" is 3/);
  });
});

// Bit patterns of any kind, NaN included, that each dtype can hold exactly.
const arrays: { [D in SafetensorsDType]: (bytes: Uint8Array<ArrayBuffer>) => SafetensorsTensor["data"] } = {
  F64: (bytes) => new Float64Array(bytes.buffer),
  F32: (bytes) => new Float32Array(bytes.buffer),
  F16: (bytes) => Float32Array.from(bytes, (byte) => (byte - 128) * 2 ** -16),
  BF16: (bytes) => Float32Array.from(bytes, (byte) => (byte - 128) * 2 ** 100),
  I64: (bytes) => new BigInt64Array(bytes.buffer),
  U64: (bytes) => new BigUint64Array(bytes.buffer),
  I32: (bytes) => new Int32Array(bytes.buffer),
  U32: (bytes) => new Uint32Array(bytes.buffer),
  I16: (bytes) => new Int16Array(bytes.buffer),
  U16: (bytes) => new Uint16Array(bytes.buffer),
  I8: (bytes) => new Int8Array(bytes.buffer),
  U8: (bytes) => bytes,
  BOOL: (bytes) => bytes,
};

const tensor = fc
  .record({
    dtype: fc.constantFrom(...(Object.keys(arrays) as SafetensorsDType[])),
    count: fc.nat(4),
    fill: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    split: fc.boolean(),
  })
  .map(({ dtype, count, fill, split }) => {
    const data = arrays[dtype](Uint8Array.from(fill.subarray(0, count * 8)));
    return { dtype, shape: split ? [1, data.length] : [data.length], data } as SafetensorsTensor;
  });
const name = fc.string({ unit: "binary", maxLength: 6 }).filter((text) => text !== "__metadata__");
const files = fc.record({
  tensors: fc.uniqueArray(fc.tuple(name, tensor), { selector: ([key]) => key, maxLength: 5 }),
  metadata: fc.option(fc.dictionary(name, fc.string({ unit: "binary", maxLength: 5 })), { nil: undefined }),
});

/** Reads a file that may be damaged; anything but success or a FileFormatError fails the test. */
function readOrRefuse(file: Uint8Array): void {
  try {
    for (const { shape, data } of decodeSafetensors(file, "file").tensors.values()) {
      expect(shape.reduce((a, b) => a * b, 1)).toBe(data.length);
    }
  } catch (error) {
    if (!(error instanceof FileFormatError)) throw error;
  }
}

describe("safetensors, whatever the bytes", () => {
  it("reads what it wrote", () => {
    fc.assert(
      fc.property(files, ({ tensors, metadata }) => {
        const file = encodeSafetensors(new Map(tensors), metadata);
        expect(new DataView(file.buffer).getUint32(0, true) % 8).toBe(0);
        const decoded = decodeSafetensors(file, "file");
        expect(Object.entries(decoded.metadata).sort()).toEqual(Object.entries(metadata ?? {}).sort());
        expect(decoded.tensors.size).toBe(tensors.length);
        for (const [key, value] of tensors) expect(decoded.tensors.get(key)).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  it("reads or refuses a file with damaged bytes", () => {
    const python = fromBase64(PYTHON_FILE);
    const edit = fc.record({
      kind: fc.constantFrom("set", "cut", "insert"),
      at: fc.nat(python.length - 1),
      byte: fc.oneof(fc.nat(255), fc.constantFrom(...[...'"{}[]:,-.0129eE\\ '].map((letter) => letter.charCodeAt(0)))),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        let bytes = [...python];
        for (const { kind, at, byte } of edits) {
          if (kind === "set") bytes[at] = byte;
          else if (kind === "insert") bytes.splice(at, 0, byte);
          else bytes = bytes.slice(0, at);
        }
        readOrRefuse(Uint8Array.from(bytes));
      }),
      { numRuns: 10_000 },
    );
  });

  it("reads or refuses a header with any JSON in any field", () => {
    const number = fc.oneof(
      fc.constantFrom(0, 1, 2, 4, 8, 12, -1, 0.5, 2 ** 31, 2 ** 32, 2 ** 53, 1e300),
      fc.integer(),
    );
    const field = <T>(usual: fc.Arbitrary<T>) =>
      fc.oneof({ weight: 6, arbitrary: usual }, { weight: 1, arbitrary: fc.jsonValue() });
    const entry = fc.record({
      dtype: field(fc.constantFrom("F32", "F16", "I64", "U8", "F64")),
      shape: field(fc.array(field(number), { maxLength: 3 })),
      data_offsets: field(fc.tuple(field(number), field(number))),
    });
    const headers = fc.dictionary(fc.constantFrom("a", "b", "c", "__metadata__", "__proto__"), field(entry));
    fc.assert(
      fc.property(headers, fc.nat(24), (header, size) => readOrRefuse(fileOf(header, size))),
      { numRuns: 10_000 },
    );
  });
});
