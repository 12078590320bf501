/**
 * A folder of images looked over before use: how many, how large, grey or colour, which classes, and which files are bad.
 */
import { join } from "node:path";
import { checkImage, findImages, labelsOf, mapLimited } from "../data/image-files.node.ts";

export interface ImageCheck {
  folder: string;
  /** Usable images. */
  images: number;
  grey: number;
  colour: number;
  /** Pixels, [width, height]; null without a usable image. */
  smallest: [number, number] | null;
  largest: [number, number] | null;
  /** Sub-folders, where they are classes. */
  classes: string[];
  /** Why files with an image's ending are not usable. */
  problems: string[];
}

/** Reads the headers of all images. Raises what opening the folder raises: missing, empty, images beside class folders. */
export async function checkImageFolder(folder: string): Promise<ImageCheck> {
  const files = await findImages(folder);
  const labelled = labelsOf(folder, files, undefined);
  const checks = await mapLimited(files, 8, (file) => checkImage(join(folder, file)));
  const good = checks.flatMap((check) => ("problem" in check ? [] : [check]));
  const bySize = good.map(({ width, height }): [number, number] => [width, height]);
  bySize.sort((a, b) => a[0] * a[1] - b[0] * b[1]);
  const grey = good.filter((info) => info.grey).length;
  return {
    folder,
    images: good.length,
    grey,
    colour: good.length - grey,
    smallest: bySize.at(0) ?? null,
    largest: bySize.at(-1) ?? null,
    classes: labelled?.classes ?? [],
    problems: checks.flatMap((check) => ("problem" in check ? [check.problem] : [])),
  };
}
