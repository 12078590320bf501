/** Reads the stored goldens of this folder. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { decodeSafetensors, type SafetensorsTensor } from "../../src/io/safetensors.ts";

/** Path of a file of test/parity. */
export function goldenPath(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

export function readGoldenTensors(name: string): Map<string, SafetensorsTensor> {
  return decodeSafetensors(new Uint8Array(readFileSync(goldenPath(name))), name).tensors;
}

export function readGoldenJson<T>(name: string): T {
  return JSON.parse(readFileSync(goldenPath(name), "utf8"));
}

/** Largest absolute difference; NaN if a number is. */
export function largestDifference(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) throw new Error(`${found.length} numbers instead of ${expected.length}`);
  let largest = 0;
  for (let i = 0; i < found.length; i++) {
    const difference = Math.abs(found[i] - expected[i]);
    if (!(difference <= largest)) largest = difference;
    if (Number.isNaN(largest)) break;
  }
  return largest;
}
