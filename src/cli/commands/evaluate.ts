/**
 * `langevin evaluate`: judges what a model draws, beside real images.
 */
import { ConfigError } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import { judgeDigits } from "../../metrics/digits-judge.node.ts";
import { exitCodes } from "../exit.ts";
import { type DrawingOptions, openForDrawing } from "../model.ts";
import { print, printJson } from "../show.ts";
import { drawWithProgress } from "./sample.ts";

export interface EvaluateCommandOptions extends DrawingOptions {
  json?: boolean;
}

const COUNT = 1000;

export async function evaluateCommand(folder: string, options: EvaluateCommandOptions): Promise<number> {
  const { model, data, request } = await openForDrawing(folder, { count: COUNT, ...options });
  if (!/^digits\b/.test(String(data))) {
    const { imageShape } = model.network;
    throw new ConfigError(
      `evaluate judges handwritten digits, and ${folder} was trained on ${data} ${formatShape(imageShape)}; there is no judge for those yet`,
    );
  }
  const { images } = await drawWithProgress(request, options.json);
  const { lines, ...figures } = await judgeDigits({ images });
  if (options.json) printJson({ run: folder, weights: model.file, ...figures });
  else for (const line of lines) print(line);
  return exitCodes.ok;
}
