/**
 * The IDX format of the MNIST files.
 *
 *     0 0 | type (0x08: unsigned byte) | number of axes | extent of each axis, u32 big endian | the bytes, row-major
 *
 * Source: "The IDX file format", Y. LeCun, C. Cortes, C. Burges, yann.lecun.com/exdb/mnist.
 */
import { FileFormatError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";

export interface Idx {
  shape: number[];
  /** A view of the file's bytes. */
  data: Uint8Array;
}

/**
 * Reads an IDX file of unsigned bytes. `label`: its name for messages; `rank`: the number of axes that it must have.
 * Raises a FileFormatError that names the file when a header field or the length is wrong.
 */
export function parseIdx(bytes: Uint8Array, label: string, rank: number): Idx {
  const fail = (problem: string): never => {
    throw new FileFormatError(`${label} is not a usable IDX file: ${problem}`);
  };
  const headerBytes = 4 + 4 * rank;
  if (bytes.length < 4) fail(`it has ${bytes.length} bytes, and its header alone takes ${headerBytes}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint16(0) !== 0) {
    const gzip = view.getUint16(0) === 0x1f8b ? "; it is compressed by gzip: unpack it first" : "";
    fail(`it must begin with two zero bytes, not with ${bytes[0]} ${bytes[1]}${gzip}`);
  }
  if (bytes[2] !== 0x08) fail(`its type is 0x${bytes[2].toString(16)}, and 0x8, unsigned bytes, was expected`);
  if (bytes[3] !== rank) fail(`it has ${bytes[3]} axes, and ${rank} were expected`);
  if (bytes.length < headerBytes) fail(`it has ${bytes.length} bytes, and its header alone takes ${headerBytes}`);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const size = shape.reduce((product, extent) => product * BigInt(extent), 1n);
  const held = bytes.length - headerBytes;
  if (size !== BigInt(held)) fail(`its shape ${formatShape(shape)} takes ${size} bytes, but ${held} follow the header`);
  return { shape, data: bytes.subarray(headerBytes) };
}
