/**
 * `langevin evaluate`: judges what a model draws, beside real images or points.
 */
import { ConfigError } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import { isToyName } from "../../data/toy.ts";
import { type DigitsJudgement, judgeDigits } from "../../metrics/digits-judge.node.ts";
import { judgePoints, type PointsJudgement } from "../../metrics/energy.ts";
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
  if (isToyName(data)) {
    const { images } = await drawWithProgress(request, options.json);
    return report(folder, model.file, await judgePoints({ points: images, data: { name: data } }), options.json);
  }
  if (!/^digits\b/.test(String(data))) {
    const { imageShape } = model.network;
    throw new ConfigError(
      `evaluate judges handwritten digits and points of the plane, and ${folder} was trained on ${data} ${formatShape(imageShape)}; there is no judge for those yet`,
    );
  }
  const { images } = await drawWithProgress(request, options.json);
  return report(folder, model.file, await judgeDigits({ images }), options.json);
}

function report(run: string, weights: string, judgement: PointsJudgement | DigitsJudgement, json?: boolean): number {
  const { lines, ...figures } = judgement;
  if (json) printJson({ run, weights, ...figures });
  else for (const line of lines) print(line);
  return exitCodes.ok;
}
