/**
 * `langevin sample`: draws images from a trained model.
 */
import { extname, join } from "node:path";
import { ConfigError } from "../../core/errors.ts";
import { sizeOf } from "../../core/shape.ts";
import { makeFolder } from "../../io/files.node.ts";
import { writePng } from "../../io/picture.node.ts";
import { toPictures } from "../../io/picture.ts";
import { writeDenoising, writeSamples } from "../../pipelines/pictures.node.ts";
import { type Sampled, type SampleRequest, sample } from "../../pipelines/sample.ts";
import { exitCodes, interruptible } from "../exit.ts";
import { type DrawingOptions, openForDrawing } from "../model.ts";
import { note, print, printJson, show } from "../show.ts";
import { formatDuration } from "../terminal/format.ts";
import { ProgressLine } from "../terminal/progress.ts";

export interface SampleCommandOptions extends DrawingOptions {
  out?: string;
  trace?: string;
  json?: boolean;
}

/** Images in an animation. */
const TRACED = 16;

export async function sampleCommand(folder: string, options: SampleCommandOptions): Promise<number> {
  if (options.trace !== undefined && !/\.(webp|gif)$/i.test(options.trace)) {
    throw new ConfigError(`--trace writes an animation: give a file that ends in .webp or .gif, not ${options.trace}`);
  }
  const { model, request } = await openForDrawing(folder, options);
  const name = `samples-seed${request.seed}.png`;
  const out = options.out ?? (model.run ? join(folder, name) : name);
  const began = performance.now();
  const sampled = await drawWithProgress(request, options.json);
  const seconds = (performance.now() - began) / 1000;

  if (extname(out).toLowerCase() === ".png") {
    const written = await writeSamples(out, sampled.images, sampled.shape);
    if (!options.json) show(written);
  } else await writeSingly(out, sampled);
  if (options.trace !== undefined) {
    await writeDenoising(options.trace, { ...request, count: Math.min(request.count, TRACED) });
  }
  const { solver, count, seed } = request;
  if (options.json) {
    const { name, config } = solver;
    printJson({ out, trace: options.trace, count, seed, seconds, weights: model.file, solver: { name, ...config } });
  } else {
    const what = options.trace === undefined ? "" : `, the way there to ${options.trace}`;
    print(`${count} ${count === 1 ? "image" : "images"} in ${formatDuration(seconds)}, written to ${out}${what}`);
  }
  return exitCodes.ok;
}

/** Draws with a progress line; Ctrl-C stops it. */
export async function drawWithProgress(request: SampleRequest, quiet = false): Promise<Sampled> {
  let line: ProgressLine | undefined;
  using interrupt = interruptible((text) => (line ? line.note(text) : quiet || note(text)));
  try {
    return await sample({
      ...request,
      signal: interrupt.signal,
      onStep(done, of) {
        line ??= new ProgressLine({ of, quiet });
        line.update({ step: done });
      },
    });
  } finally {
    line?.finish();
  }
}

/** Every image as a PNG file of its own. */
async function writeSingly(folder: string, { images, shape }: Sampled): Promise<void> {
  await makeFolder(folder);
  const size = sizeOf(shape) / shape[0];
  for (let i = 0; i < shape[0]; i++) {
    const [picture] = toPictures(images.subarray(i * size, (i + 1) * size), [1, ...shape.slice(1)]);
    await writePng(join(folder, `${String(i).padStart(5, "0")}.png`), picture);
  }
}
