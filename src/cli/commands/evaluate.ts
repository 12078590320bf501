/**
 * `langevin evaluate`: judges what a model draws, beside real images or points.
 */
import { ConfigError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { formatShape } from "../../core/shape.ts";
import { digits } from "../../data/digits.node.ts";
import { isToyName } from "../../data/toy.ts";
import { type DigitsJudgement, judgeDigits } from "../../metrics/digits-judge.node.ts";
import { judgePoints, type PointsJudgement } from "../../metrics/energy.ts";
import { likelihood } from "../../pipelines/likelihood.ts";
import type { SampleRequest } from "../../pipelines/sample.ts";
import type { LoadedModel } from "../../train/index.node.ts";
import { exitCodes } from "../exit.ts";
import { type DrawingOptions, openForDrawing } from "../model.ts";
import { print, printJson } from "../show.ts";
import { ProgressLine } from "../terminal/progress.ts";
import { drawWithProgress } from "./sample.ts";

export interface EvaluateCommandOptions extends DrawingOptions {
  json?: boolean;
  /** Bits per dimension of so many held-out images, instead of judging drawn ones. */
  likelihood?: number;
}

const COUNT = 1000;

export async function evaluateCommand(folder: string, options: EvaluateCommandOptions): Promise<number> {
  const { model, data, request } = await openForDrawing(folder, { count: COUNT, ...options });
  if (options.likelihood !== undefined) return reportLikelihood(folder, model, request, options);
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

/** Bits per dimension of digits of the test set, which no run was trained on. */
async function reportLikelihood(
  run: string,
  model: LoadedModel,
  request: SampleRequest,
  { likelihood: count = 0, json }: EvaluateCommandOptions,
): Promise<number> {
  if (model.run?.data === undefined || (model.run.data as { name?: unknown }).name !== "digits") {
    throw new ConfigError(`--likelihood holds images of the test digits against a run on digits, which ${run} is not`);
  }
  let line: ProgressLine | undefined;
  const estimate = await likelihood(
    {
      ...request,
      data: await digits({ split: "test" }),
      count,
      onPart: (done, of) => {
        line ??= new ProgressLine({ of, quiet: json ?? false });
        line.update({ step: done });
      },
    },
    Random.from(request.seed, "held out"),
  ).finally(() => line?.finish());
  if (json) {
    printJson({ run, weights: model.file, ...estimate });
    return exitCodes.ok;
  }
  const { bitsPerDimension, standardError, kind, parts } = estimate;
  print(
    `${bitsPerDimension.toFixed(3)} ± ${standardError.toFixed(3)} bits per dimension of ${count} test digits (${kind})`,
  );
  if (parts) {
    print(`prior ${parts.prior.toFixed(4)}, steps ${parts.steps.toFixed(3)}, decoder ${parts.decoder.toFixed(3)}`);
  }
  return exitCodes.ok;
}
