/**
 * Charts as files: `.svg`, or `.png` at two pixels per px, painted by `raster.ts` and so without any font of the machine.
 */
import { dirname, extname } from "node:path";
import { ConfigError } from "../core/errors.ts";
import { type Chart, chart } from "./chart.ts";
import { toSvg } from "./drawing.ts";
import { makeFolder, writeFileAtomic } from "./files.node.ts";
import { encodePng } from "./picture.node.ts";
import { rasterise } from "./raster.ts";

/** Raises a ConfigError for a file name that ends otherwise. */
export function checkChartPath(path: string): ".svg" | ".png" {
  const ending = extname(path).toLowerCase();
  if (ending === ".svg" || ending === ".png") return ending;
  throw new ConfigError(`a chart is written to a file that ends in .svg or .png, not to ${path}`);
}

/** Writes a chart, atomically; makes the folder where it is missing. Raises a FileAccessError, and what `chart` raises. */
export async function writeChart(path: string, options: Chart): Promise<void> {
  const ending = checkChartPath(path);
  const drawing = chart(options);
  await makeFolder(dirname(path));
  await writeFileAtomic(path, ending === ".svg" ? toSvg(drawing) : await encodePng(rasterise(drawing)));
}
