/**
 * The data that a recipe can name, as JSON: `{ name: "folder", path: "flowers/", size: 64 }`. Opening them needs files,
 * so that is done by `open-data.node.ts`.
 */
import * as z from "zod";
import { parseConfig } from "../core/config.ts";
import { ConfigError } from "../core/errors.ts";
import { didYouMean } from "../core/suggest.ts";
import type { ToyName } from "../data/toy.ts";

const split = z.enum(["train", "test"]).default("train");

/** A distribution of points of the plane; see data/toy.ts. */
const points = <const N extends ToyName>(name: N) =>
  z.strictObject({
    name: z.literal(name),
    /** Points in the set. */
    points: z.int().positive().default(100_000),
    /** Which points these are. */
    seed: z.int().nonnegative().default(0),
  });

/** What each named data set can be told. */
export const dataSchemas = {
  /** MNIST: handwritten digits, 28 × 28, grey. */
  digits: z.strictObject({ name: z.literal("digits"), split }),
  /** Fashion-MNIST: articles of clothing, 28 × 28, grey. */
  fashion: z.strictObject({ name: z.literal("fashion"), split }),
  /** Any folder of images. */
  folder: z.strictObject({
    name: z.literal("folder"),
    /** Must be given before training. */
    path: z.string().min(1).optional(),
    /** Width and height that the images are brought to, pixels. */
    size: z.int().positive(),
    /** 1: grey, 3: colour. */
    channels: z.union([z.literal(1), z.literal(3)]).default(3),
    /** Which square of an image that is not square. */
    crop: z.enum(["center", "random"]).default("center"),
    /** Mirror every image at odds of one half. */
    flip: z.boolean().default(false),
    /** Whether sub-folders are classes; by default when all images lie in sub-folders. */
    labels: z.enum(["folders", "none"]).optional(),
  }),
  moons: points("moons"),
  swissRoll: points("swissRoll"),
  checkerboard: points("checkerboard"),
  eightGaussians: points("eightGaussians"),
  rings: points("rings"),
} satisfies Record<ToyName | "digits" | "fashion" | "folder", z.ZodType>;

export type DataName = keyof typeof dataSchemas;

/** Data with all defaults filled in. */
export type DataConfig = { [K in DataName]: z.output<(typeof dataSchemas)[K]> }[DataName];

/** Data as a recipe writes them. */
export type DataOptions = { [K in DataName]: z.input<(typeof dataSchemas)[K]> }[DataName];

/** Checks the data of a recipe. A ConfigError names the field, and the nearest name for one that does not exist. */
export function parseData(value: unknown, label: string): DataConfig {
  const name = (value as { name?: unknown } | null)?.name;
  const known = Object.keys(dataSchemas);
  if (typeof name !== "string" || !Object.hasOwn(dataSchemas, name)) {
    const hint = typeof name === "string" ? didYouMean(name, known) : `Known: ${known.join(", ")}.`;
    throw new ConfigError(`${label}.name: unknown data ${JSON.stringify(name)}. ${hint}`);
  }
  return parseConfig(dataSchemas[name as DataName], value, label);
}
