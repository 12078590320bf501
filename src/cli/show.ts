/**
 * What the commands print: results to standard output, everything else to standard error.
 */
import pc from "picocolors";
import type { WrittenPicture } from "../pipelines/pictures.node.ts";
import { showPicture } from "./terminal/picture.ts";

/** A line of a result. */
export function print(text = ""): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** A line beside the result. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Bold where colours are shown. */
export function bold(text: string): string {
  return pc.bold(text);
}

/** Shows a picture on the terminal, where it can. */
export function show({ picture, png }: WrittenPicture): void {
  showPicture(picture, png, { columns: 100 });
}
