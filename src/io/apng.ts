/**
 * An animated PNG, put together from PNG files of its frames: what a canvas writes, in any browser, becomes one file that
 * browsers and most viewers play.
 *
 *   signature, IHDR, acTL (frames, plays), then for each frame fcTL (size, place, delay) and its data: IDAT for the first,
 *   for later ones fdAT, which is a sequence number and the bytes of an IDAT; IEND
 *
 * Source: PNG specification, third edition (W3C 2025), sections 5.2, 11.2 and 11.3.3. The pixels are not touched. The test
 * checks the chunks and their sums with node:zlib; Chromium plays the file in `test/browser`.
 */
import { ConfigError, FileFormatError } from "../core/errors.ts";

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

export interface PngChunk {
  /** Four letters. */
  type: string;
  data: Uint8Array;
}

/** The chunks of a PNG file, in order. Raises a FileFormatError; sums are not checked. */
export function pngChunks(file: Uint8Array, label = "the file"): PngChunk[] {
  if (file.length < 8 || SIGNATURE.some((byte, i) => file[i] !== byte)) {
    throw new FileFormatError(`${label} is no PNG: it does not begin with the signature of one`);
  }
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const chunks: PngChunk[] = [];
  for (let at = 8; at < file.length; ) {
    const length = at + 8 <= file.length ? view.getUint32(at) : Number.POSITIVE_INFINITY;
    if (at + 12 + length > file.length) {
      throw new FileFormatError(`${label} is cut off: its last chunk, at byte ${at}, is not whole`);
    }
    const type = String.fromCharCode(...file.subarray(at + 4, at + 8));
    chunks.push({ type, data: file.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return chunks;
}

export interface ApngOptions {
  /** How long each frame is shown, ms, to 65 seconds. */
  delayMs: readonly number[];
  /** How often it plays; 0 (default) without end. */
  plays?: number;
}

/**
 * One animated PNG from PNG files of equal size and colour type. Raises a ConfigError unless there is a delay for each
 * frame, a FileFormatError for a frame that is no PNG, or unlike the first.
 */
export function animatedPng(
  frames: readonly Uint8Array[],
  { delayMs, plays = 0 }: ApngOptions,
): Uint8Array<ArrayBuffer> {
  if (frames.length === 0) throw new ConfigError("there are no frames; an animation needs at least one");
  if (delayMs.length !== frames.length) {
    throw new ConfigError(`there are ${frames.length} frames and ${delayMs.length} delays; each frame needs one`);
  }
  const bad = delayMs.find((delay) => !Number.isInteger(delay) || delay < 0 || delay > 65535);
  if (bad !== undefined) throw new ConfigError(`a delay must be a whole number of ms from 0 to 65535, not ${bad}`);
  const parsed = frames.map((frame, i) => pngChunks(frame, `frame ${i + 1}`));
  const header = headerOf(parsed[0], 1);
  const parts: Uint8Array[] = [
    Uint8Array.from(SIGNATURE),
    chunk("IHDR", header),
    chunk("acTL", words(frames.length, plays)),
  ];
  let sequence = 0;
  parsed.forEach((chunks, i) => {
    const own = headerOf(chunks, i + 1);
    if (own.some((byte, at) => byte !== header[at])) {
      throw new FileFormatError(
        `frame ${i + 1} has another size or colour type than the first; draw all on one canvas`,
      );
    }
    parts.push(chunk("fcTL", frameControl(sequence++, header.subarray(0, 8), delayMs[i])));
    for (const { type, data } of chunks) {
      if (type !== "IDAT") continue;
      parts.push(i === 0 ? chunk("IDAT", data) : chunk("fdAT", joined([words(sequence++), data])));
    }
  });
  parts.push(chunk("IEND", new Uint8Array(0)));
  return joined(parts);
}

function headerOf(chunks: readonly PngChunk[], frame: number): Uint8Array {
  const [first] = chunks;
  if (first?.type !== "IHDR" || first.data.length !== 13 || !chunks.some(({ type }) => type === "IDAT")) {
    throw new FileFormatError(`frame ${frame} is a PNG without a header or without pixels`);
  }
  return first.data;
}

/** The size of the frame, at the corner, for a delay in thousandths of a second; drawn over what was there. */
function frameControl(sequence: number, size: Uint8Array, delayMs: number): Uint8Array {
  const data = new Uint8Array(26);
  const view = new DataView(data.buffer);
  view.setUint32(0, sequence);
  data.set(size, 4);
  view.setUint16(20, delayMs);
  view.setUint16(22, 1000);
  return data;
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const named = joined([Uint8Array.from(type, (letter) => letter.charCodeAt(0)), data]);
  return joined([words(data.length), named, words(crc32(named))]);
}

/** 32-bit numbers, most significant byte first. */
function words(...values: number[]): Uint8Array {
  const data = new Uint8Array(4 * values.length);
  const view = new DataView(data.buffer);
  values.forEach((value, i) => {
    view.setUint32(4 * i, value);
  });
  return data;
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Remainders of the 256 bytes by the polynomial of CRC-32, reflected. */
const REMAINDERS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

/** The sum that ends a PNG chunk. */
function crc32(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = REMAINDERS[(sum ^ byte) & 255] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}
