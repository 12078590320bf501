/** Opens the data that a recipe names, in a tab. */
import { DataError } from "../core/errors.ts";
import type { Dataset } from "../data/dataset.ts";
import { toy } from "../data/toy.ts";
import type { DataConfig } from "../recipes/data.ts";
import { fetchDigits } from "./digits-data.ts";

/** `base`: address of the folder of the data sets, with a slash at the end. Each set is fetched once. */
export function browserData(base: string): (config: DataConfig) => Promise<Dataset> {
  const fetched = new Map<string, Promise<Dataset>>();
  return async (config) => {
    if (config.name === "fashion") throw new DataError("Fashion-MNIST is not among a tab's data; choose digits");
    if (config.name === "folder") throw new DataError("a tab reads no folders: drop the pictures on the page");
    if (config.name !== "digits") return toy(config);
    const { split } = config;
    const known = fetched.get(split) ?? fetchDigits(base, split);
    fetched.set(split, known);
    known.catch(() => fetched.delete(split)); // so that it can be tried again
    return await known;
  };
}
