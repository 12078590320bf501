/**
 * Opens the data that a recipe names.
 */
import { ConfigError } from "../core/errors.ts";
import type { Dataset } from "../data/dataset.ts";
import { digits, fashion } from "../data/digits.node.ts";
import { imageFolder } from "../data/image-folder.node.ts";
import { toy } from "../data/toy.ts";
import type { DataConfig } from "./data.ts";

export interface OpenDataOptions {
  /** Leaves out files that are no usable images. */
  skipBad?: boolean;
  /** Is told about every file that was left out: its path, and why. */
  onSkip?: (file: string, reason: string) => void;
}

/** Raises a ConfigError where a folder has still to be named, and what the data sets raise. */
export async function openData(config: DataConfig, options: OpenDataOptions = {}): Promise<Dataset> {
  switch (config.name) {
    case "digits":
      return await digits({ split: config.split });
    case "fashion":
      return await fashion({ split: config.split });
    case "folder": {
      const { name: _, path, ...rest } = config;
      if (path === undefined) {
        throw new ConfigError("this recipe needs a folder of images: name it with --data path/to/folder");
      }
      return await imageFolder(path, { ...rest, ...options });
    }
    default:
      return toy(config);
  }
}
