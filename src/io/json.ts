/**
 * JSON in files: UTF-8, two spaces, a line break at the end.
 */
import { FileFormatError } from "../core/errors.ts";

/** The value in the bytes of a JSON file. Raises a FileFormatError that names the file. */
export function decodeJson(bytes: Uint8Array, label: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new FileFormatError(`${label} is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

/** The bytes of a JSON file. */
export function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}
