/**
 * `langevin sample`: draws images from a trained model.
 */
import { extname, join } from "node:path";
import { ConfigError } from "../../core/errors.ts";
import { sizeOf } from "../../core/shape.ts";
import { arePoints } from "../../data/toy.ts";
import { makeFolder, writeFileAtomic } from "../../io/files.node.ts";
import { writePng } from "../../io/picture.node.ts";
import { toPictures } from "../../io/picture.ts";
import { writeDenoising, writeSamples, writeTrace } from "../../pipelines/pictures.node.ts";
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

/** Images in an animation, and in a strip; and points in either. */
const TRACED = { animation: 16, strip: 4, points: 500 };

export async function sampleCommand(folder: string, options: SampleCommandOptions): Promise<number> {
  const trace = options.trace === undefined ? undefined : traceOf(options.trace);
  const { model, request, real } = await openForDrawing(folder, options);
  const name = `samples-seed${request.seed}.png`;
  const out = options.out ?? (model.run ? join(folder, name) : name);
  const began = performance.now();
  const sampled = await drawWithProgress(request, options.json);
  const seconds = (performance.now() - began) / 1000;

  if (extname(out).toLowerCase() === ".png") {
    const written = await writeSamples(out, sampled.images, sampled.shape, { real });
    if (!options.json) show(written);
  } else if (arePoints(sampled.shape)) await writePoints(out, sampled);
  else await writeSingly(out, sampled);
  if (trace !== undefined) {
    const most = arePoints(sampled.shape) ? TRACED.points : TRACED[trace.kind];
    await trace.write(trace.path, { ...request, count: Math.min(request.count, most) }, { real });
  }
  const { solver, count, seed } = request;
  if (options.json) {
    const { name, config } = solver;
    printJson({ out, trace: options.trace, count, seed, seconds, weights: model.file, solver: { name, ...config } });
  } else {
    const what = options.trace === undefined ? "" : `, the way there to ${options.trace}`;
    const noun = arePoints(sampled.shape) ? "point" : "image";
    print(`${count} ${count === 1 ? noun : `${noun}s`} in ${formatDuration(seconds)}, written to ${out}${what}`);
  }
  return exitCodes.ok;
}

/** How the way from noise is written: as an animation, or as a strip. */
function traceOf(path: string) {
  if (/\.(webp|gif)$/i.test(path)) return { path, kind: "animation", write: writeDenoising } as const;
  if (/\.png$/i.test(path)) return { path, kind: "strip", write: writeTrace } as const;
  throw new ConfigError(
    `--trace writes a strip to a file that ends in .png, or an animation to .webp or .gif, not to ${path}`,
  );
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

/** All points in one file of comma-separated values, x and y. */
async function writePoints(folder: string, { images }: Sampled): Promise<void> {
  await makeFolder(folder);
  const rows = Array.from({ length: images.length / 2 }, (_, i) => `${images[2 * i]},${images[2 * i + 1]}`);
  await writeFileAtomic(join(folder, "points.csv"), `x,y\n${rows.join("\n")}\n`);
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
