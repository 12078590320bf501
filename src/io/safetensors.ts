/**
 * The safetensors format, read and written.
 *
 *     u64 H (little endian) | H bytes of JSON | the tensors' bytes, one after another
 *     JSON: { "name": { "dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end) }, "__metadata__": { "key": "text" } }
 *
 * Offsets count from the end of the header. Tensors lie in row-major order, little endian, and cover the data without
 * holes or overlaps. The writer pads the header with spaces to a multiple of 8 bytes.
 *
 * Source: README "Format" of the safetensors library; its rules are enforced here in full, because a file from elsewhere is
 * not to be trusted: whatever the bytes are, the reader returns tensors or raises a FileFormatError.
 * The test reads a file made by safetensors 0.8.0 for Python with all its numbers, and gives 20,000 damaged files to the reader.
 */
import { ConfigError, FileFormatError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import { bfloat16Bits, float16Bits, fromBfloat16, fromFloat16 } from "./half.ts";

/** The array that holds each stored dtype in memory. JavaScript has no 16-bit floats: those are held as Float32Array. */
export interface SafetensorsArray {
  F64: Float64Array;
  F32: Float32Array;
  F16: Float32Array;
  BF16: Float32Array;
  I64: BigInt64Array;
  U64: BigUint64Array;
  I32: Int32Array;
  U32: Uint32Array;
  I16: Int16Array;
  U16: Uint16Array;
  I8: Int8Array;
  U8: Uint8Array;
  BOOL: Uint8Array;
}

/** A dtype as the file names it. */
export type SafetensorsDType = keyof SafetensorsArray;

/** A tensor to be stored. `data` is row-major; its type follows from the dtype. */
export type SafetensorsTensor = {
  [D in SafetensorsDType]: { dtype: D; shape: readonly number[]; data: SafetensorsArray[D] };
}[SafetensorsDType];

/** Where a tensor lies in its file. */
export interface SafetensorsEntry {
  /** As stored; F16 and BF16 are decoded to Float32Array. */
  dtype: SafetensorsDType;
  shape: number[];
  /** First byte, from the start of the file. */
  offset: number;
  /** Length in bytes. */
  bytes: number;
}

export interface SafetensorsHeader {
  metadata: Record<string, string>;
  /** In the order of the data. */
  entries: Map<string, SafetensorsEntry>;
  /** First byte after the header, from the start of the file. */
  dataStart: number;
}

/** The header's own limit, as in the safetensors library. */
const MAX_HEADER_BYTES = 100_000_000;

/** Bytes per element, and the array of the stored bytes. */
const FORMATS = {
  F64: { bytes: 8, array: Float64Array },
  F32: { bytes: 4, array: Float32Array },
  F16: { bytes: 2, array: Uint16Array },
  BF16: { bytes: 2, array: Uint16Array },
  I64: { bytes: 8, array: BigInt64Array },
  U64: { bytes: 8, array: BigUint64Array },
  I32: { bytes: 4, array: Int32Array },
  U32: { bytes: 4, array: Uint32Array },
  I16: { bytes: 2, array: Int16Array },
  U16: { bytes: 2, array: Uint16Array },
  I8: { bytes: 1, array: Int8Array },
  U8: { bytes: 1, array: Uint8Array },
  BOOL: { bytes: 1, array: Uint8Array },
} as const satisfies Record<SafetensorsDType, { bytes: number; array: unknown }>;

const isDType = (value: unknown): value is SafetensorsDType =>
  typeof value === "string" && Object.hasOwn(FORMATS, value);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A value from a header, short and shallow for a message: a hostile header may nest deeper than the stack is high. */
function show(value: unknown): string {
  if (Array.isArray(value)) {
    const short = value.length <= 8 && value.every((item) => typeof item !== "object" || item === null);
    return short ? `[${value.map(show).join(", ")}]` : `a list of ${value.length}`;
  }
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "string") return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value);
  return String(value);
}

/**
 * The bytes of a safetensors file. Tensors are stored in the order of the map; F16 and BF16 are rounded to the nearest even.
 *
 * Raises a ConfigError when the data does not fit its shape or dtype, or when a number is too large for F16 or BF16.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  const fields: string[] = [];
  if (metadata !== undefined) {
    for (const [key, value] of Object.entries(metadata)) {
      if (typeof value !== "string") {
        throw new ConfigError(
          `safetensors metadata holds text only, but ${show(key)} is ${show(value)}; store it as a string`,
        );
      }
    }
    fields.push(`"__metadata__":${JSON.stringify(metadata)}`);
  }
  const pieces: Uint8Array[] = [];
  let end = 0;
  for (const [name, tensor] of tensors) {
    const piece = tensorBytes(name, tensor);
    const { dtype, shape } = tensor;
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [end, end + piece.length] })}`);
    pieces.push(piece);
    end += piece.length;
  }
  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.fill(0x20, 8, 8 + headerBytes);
  file.set(json, 8);
  let at = 8 + headerBytes;
  for (const piece of pieces) {
    file.set(piece, at);
    at += piece.length;
  }
  return file;
}

/** The stored bytes of one tensor, after checking it. */
function tensorBytes(name: string, { dtype, shape, data }: SafetensorsTensor): Uint8Array {
  const label = `tensor ${show(name)}`;
  if (name === "__metadata__")
    throw new ConfigError(`a tensor cannot be named "__metadata__": safetensors keeps that name`);
  if (!isDType(dtype)) {
    throw new ConfigError(`${label} has the dtype ${show(dtype)}; known: ${Object.keys(FORMATS).join(", ")}`);
  }
  const held = dtype === "F16" || dtype === "BF16" ? Float32Array : FORMATS[dtype].array;
  if (!(data instanceof held)) throw new ConfigError(`${label} of dtype ${dtype} must be a ${held.name}`);
  if (!shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0)) {
    throw new ConfigError(`${label} has the shape ${formatShape(shape)}; extents are whole numbers from 0`);
  }
  const size = shape.reduce((product, extent) => product * extent, 1);
  if (size !== data.length) {
    throw new ConfigError(
      `${label} has the shape ${formatShape(shape)}, ${size} elements, but ${data.length} were given`,
    );
  }
  if (dtype === "F16" || dtype === "BF16") {
    const bits = dtype === "F16" ? float16Bits(data) : bfloat16Bits(data);
    const infinite = dtype === "F16" ? 0x7c00 : 0x7f80;
    const overflow = bits.findIndex((word, i) => (word & 0x7fff) === infinite && Number.isFinite(data[i]));
    if (overflow >= 0)
      throw new ConfigError(`${label} holds ${data[overflow]}, too large for ${dtype}; store it as F32`);
    return new Uint8Array(bits.buffer);
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/**
 * Reads a safetensors file that is in memory. Arrays are views of `bytes` where the alignment allows it, copies elsewhere;
 * so `bytes` must not change afterwards.
 *
 * `label`: the file's name for messages. Raises a FileFormatError that names it, and the tensor, when anything is wrong.
 */
export function decodeSafetensors(
  bytes: Uint8Array,
  label: string,
): { metadata: Record<string, string>; tensors: Map<string, SafetensorsTensor> } {
  const { metadata, entries } = decodeSafetensorsHeader(bytes, bytes.length, label);
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [name, { dtype, shape, offset, bytes: length }] of entries) {
    const { array, bytes: width } = FORMATS[dtype];
    const aligned = (bytes.byteOffset + offset) % width === 0;
    const start = aligned ? bytes.byteOffset + offset : 0;
    const buffer = aligned ? bytes.buffer : bytes.slice(offset, offset + length).buffer;
    let data: SafetensorsTensor["data"] = new array(buffer as ArrayBuffer, start, length / width);
    if (dtype === "F16") data = fromFloat16(data as Uint16Array);
    if (dtype === "BF16") data = fromBfloat16(data as Uint16Array);
    tensors.set(name, { dtype, shape, data } as SafetensorsTensor);
  }
  return { metadata, tensors };
}

/**
 * Reads and checks the header only: `start` holds at least the header, `fileBytes` is the length of the whole file.
 * This is how a large file is inspected, or mapped by offset, without loading it.
 */
export function decodeSafetensorsHeader(start: Uint8Array, fileBytes: number, label: string): SafetensorsHeader {
  const fail = (problem: string): never => {
    throw new FileFormatError(`${label} is not a usable safetensors file: ${problem}`);
  };
  if (fileBytes < 8 || start.length < 8) fail(`it has ${fileBytes} bytes, and the header's length alone takes 8`);
  const headerBytes = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true);
  if (headerBytes > BigInt(MAX_HEADER_BYTES)) {
    fail(`its header claims ${headerBytes} bytes, and at most ${MAX_HEADER_BYTES} are allowed`);
  }
  const dataStart = 8 + Number(headerBytes);
  if (dataStart > fileBytes) {
    fail(`its header claims ${headerBytes} bytes, but only ${fileBytes - 8} follow; it may be cut off`);
  }
  if (dataStart > start.length)
    fail(`its header has ${headerBytes} bytes, but only ${start.length - 8} of them were read`);

  const header = parseHeader(start.subarray(8, dataStart), fail);
  const metadata: Record<string, string> = {};
  const found: [string, SafetensorsEntry][] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") {
      if (!isRecord(value)) return fail(`"__metadata__" is ${show(value)}, not an object of strings`);
      for (const [key, text] of Object.entries(value)) {
        if (typeof text !== "string")
          return fail(`"__metadata__" holds ${show(key)}: ${show(text)}, and text was expected`);
        Object.defineProperty(metadata, key, { value: text, enumerable: true, writable: true, configurable: true });
      }
    } else {
      found.push([name, parseEntry(name, value, dataStart, fileBytes, fail)]);
    }
  }

  // Sorted by place, each tensor must begin where the last one ended, and the last one must end the file.
  let end = dataStart;
  let before = "the header";
  const byPlace = [...found].sort(([, a], [, b]) => a.offset - b.offset || a.bytes - b.bytes);
  for (const [name, { offset, bytes }] of byPlace) {
    if (offset < end) fail(`tensor ${show(name)} overlaps ${before} by ${end - offset} bytes`);
    if (offset > end) fail(`${offset - end} bytes between ${before} and tensor ${show(name)} belong to no tensor`);
    end = offset + bytes;
    before = `tensor ${show(name)}`;
  }
  if (end !== fileBytes) fail(`${fileBytes - end} bytes after ${before} belong to no tensor`);
  return { metadata, entries: new Map(byPlace), dataStart };
}

function parseHeader(bytes: Uint8Array, fail: (problem: string) => never): Record<string, unknown> {
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return fail("its header is not UTF-8 text");
  }
  try {
    header = JSON.parse(text);
  } catch (error) {
    return fail(`its header is not JSON (${(error as Error).message})`);
  }
  if (!isRecord(header) || text[0] !== "{") return fail(`its header is ${show(header)}, not a JSON object`);
  const twice = duplicateKey(text);
  if (twice !== undefined) return fail(`its header names ${show(twice)} twice`);
  return header;
}

/**
 * The first key that stands twice in one object of a valid JSON text; JSON.parse would silently keep the last. Objects that
 * lie deeper than a tensor's description are not looked into: nothing in them counts.
 */
export function duplicateKey(text: string): string | undefined {
  const keys: Set<string>[] = [];
  let depth = 0;
  const marks = /["{}]/g;
  for (let mark = marks.exec(text); mark !== null; mark = marks.exec(text)) {
    if (mark[0] === "{") {
      if (depth++ < 2) keys[depth - 1] = new Set();
    } else if (mark[0] === "}") depth--;
    else {
      const end = stringEnd(text, mark.index);
      marks.lastIndex = end;
      let next = end;
      while (" \t\n\r".includes(text.charAt(next)) && next < text.length) next++;
      if (depth > 2 || text[next] !== ":") continue;
      const key: string = JSON.parse(text.slice(mark.index, end));
      if (keys[depth - 1].has(key)) return key;
      keys[depth - 1].add(key);
    }
  }
  return undefined;
}

/** The place after the closing quote of the JSON string that opens at `start`. */
function stringEnd(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); ; quote = text.indexOf('"', quote + 1)) {
    let backslash = quote;
    while (text[backslash - 1] === "\\") backslash--;
    if ((quote - backslash) % 2 === 0) return quote + 1;
  }
}

function parseEntry(
  name: string,
  value: unknown,
  dataStart: number,
  fileBytes: number,
  failFile: (problem: string) => never,
): SafetensorsEntry {
  const fail = (problem: string) => failFile(`tensor ${show(name)} ${problem}`);
  if (!isRecord(value)) return fail(`is described by ${show(value)}, not by an object`);
  const { dtype, shape, data_offsets: range } = value;
  if (!isDType(dtype)) return fail(`has the dtype ${show(dtype)}; known: ${Object.keys(FORMATS).join(", ")}`);
  if (!Array.isArray(shape) || !shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0)) {
    return fail(`has the shape ${show(shape)}; a list of whole numbers from 0 was expected`);
  }
  if (!Array.isArray(range) || range.length !== 2 || !range.every((at) => Number.isSafeInteger(at) && at >= 0)) {
    return fail(`has the data_offsets ${show(range)}; two whole numbers from 0 were expected`);
  }
  const [begin, end] = range as [number, number];
  if (begin > end) return fail(`ends before it begins: data_offsets ${show(range)}`);
  if (end > fileBytes - dataStart) {
    return fail(`ends at byte ${end} of the data, but the file holds ${fileBytes - dataStart}; it may be cut off`);
  }
  const expected = byteLength(FORMATS[dtype].bytes, shape);
  if (expected !== end - begin)
    return fail(`of ${dtype} ${show(shape)} takes ${expected} bytes, but has ${end - begin}`);
  return { dtype, shape: shape as number[], offset: dataStart + begin, bytes: end - begin };
}

/** Bytes of a tensor; Infinity from 2^53 on. */
function byteLength(width: number, shape: readonly number[]): number {
  if (shape.includes(0)) return 0;
  let bytes = width;
  for (const extent of shape) {
    bytes *= extent;
    if (bytes > Number.MAX_SAFE_INTEGER) return Number.POSITIVE_INFINITY;
  }
  return bytes;
}
