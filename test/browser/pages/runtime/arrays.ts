/** Typed arrays as text, for the way between a test and its page. */
import type { TensorArray } from "../../../../src/core/shape.ts";

const kinds = { Float32Array, Int32Array, Uint8Array } as const;

export interface Encoded {
  kind: keyof typeof kinds;
  base64: string;
}

/** Bytes that are turned into characters at a time: a call has so many arguments at most. */
const CHUNK = 0x8000;

export function encodeArray(array: TensorArray): Encoded {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  let text = "";
  for (let from = 0; from < bytes.length; from += CHUNK)
    text += String.fromCharCode(...bytes.subarray(from, from + CHUNK));
  return { kind: array.constructor.name as Encoded["kind"], base64: btoa(text) };
}

export function decodeArray({ kind, base64 }: Encoded): TensorArray {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return new kinds[kind](bytes.buffer);
}
