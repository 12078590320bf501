/**
 * Values of command line options, checked while they are parsed: a bad one is bad usage, named by its option.
 */
import { existsSync } from "node:fs";
import { InvalidArgumentError } from "commander";

/** A whole number from `least`. */
export function whole(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`Give a whole number from ${least}.`);
  };
}

/** A number from `least`. */
export function real(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isFinite(value) && value >= least) return value;
    throw new InvalidArgumentError(`Give a number from ${least}.`);
  };
}

/** Whole numbers from 0, separated by commas. */
export function wholeList(text: string): number[] {
  return text.split(",").map((part) => whole(0)(part.trim()));
}

/** Collects an option that may be given more than once. */
export function collect(text: string, before: string[] = []): string[] {
  return [...before, text];
}

/** The folder itself, or, where it exists, the first of `folder-2`, `folder-3` … that does not. */
export function freeFolder(folder: string): string {
  for (let i = 1; ; i++) {
    const name = i === 1 ? folder : `${folder}-${i}`;
    if (!existsSync(name)) return name;
  }
}
