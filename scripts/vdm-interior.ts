/**
 * Variational diffusion: the continuous-time loss does not depend on the way between the ends of the schedule, and the
 * learned way lowers its variance (Kingma et al. 2021, §5.1).
 *
 *   loss = 1/2 gamma'(t) mean |eps - epshat|² / ln 2     bits per dimension, t uniform
 *
 *   node --import tsx scripts/vdm-interior.ts runs/vdm --draws 4096
 *
 * One trained network; three schedules with the ends that it learned: the line, the learned way, and a steep step in the
 * middle. Prints the mean, its standard error and the standard deviation of the loss of an image, on held-out digits.
 */
import { parseArgs } from "node:util";
import { Random } from "../src/core/random.ts";
import { sizeOf } from "../src/core/shape.ts";
import { digits } from "../src/data/digits.node.ts";
import { type LearnedPath, learned } from "../src/diffusion/learned.ts";
import type { PathOptions } from "../src/diffusion/path-contract.ts";
import { CompiledNetwork } from "../src/models/compiled.ts";
import { nodeRuntime } from "../src/runtime/node/session.ts";
import { loadModel } from "../src/train/index.node.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { draws: { type: "string", default: "4096" }, seed: { type: "string", default: "0" } },
});
const [folder = "runs/vdm"] = positionals;
const [draws, seed] = [Number(values.draws), Number(values.seed)];
const { network, weights, run } = await loadModel(folder);
const config = (run!.objective as { path: { name: string } & PathOptions["learned"] }).path;
if (config.name !== "learned") throw new Error(`${folder} has the path ${config.name}, not a learned one`);
const { name: _, ...options } = config;
const trained = learned(options);
const [start, end] = [trained.gamma(0).gamma, trained.gamma(1).gamma];

/** A schedule of some form with the ends of the trained one; the network is told the same of a gamma. */
function between(form: Pick<PathOptions["learned"], "inner" | "innerBias" | "outer">, slope: number): LearnedPath {
  const shape = learned({ slope, offset: 0, ...form });
  const [from, to] = [shape.gamma(0).gamma, shape.gamma(1).gamma];
  const scale = (end - start) / (to - from);
  const outer = form.outer && Array.from(form.outer, (height) => height * scale);
  return learned({
    ...form,
    ...(outer ? { outer } : {}),
    slope: slope * scale,
    offset: start - from * scale,
    networkRange: options.networkRange,
  });
}

const schedules: Record<string, LearnedPath> = {
  line: between({}, 1),
  learned: trained,
  step: between({ inner: [6], innerBias: [0], outer: [1] }, 0.5),
};

const BATCH = 64;
await using compiled = new CompiledNetwork(network, weights, nodeRuntime());
const data = await digits({ split: "test" });
const size = sizeOf(network.imageShape);
console.log(`ends: gamma ${start.toFixed(3)} to ${end.toFixed(3)}; ${draws} draws`);
for (const [name, path] of Object.entries(schedules)) {
  const losses: number[] = [];
  const random = Random.from(seed, "interior");
  const order = random.permutation(data.size);
  for (let first = 0; first < draws; first += BATCH) {
    const indices = Uint32Array.from({ length: BATCH }, (_, i) => order[(first + i) % data.size]);
    const { images, labels } = await data.read(indices);
    const noise = random.normals(BATCH * size);
    const times = Float64Array.from({ length: BATCH }, () => random.uniform());
    const levels = Array.from(times, (t) => path.at(t));
    const x = images.map((value, i) => {
      const { alpha, sigma } = levels[Math.floor(i / size)];
      return alpha * value + sigma * noise[i];
    });
    const networkTimes = Float32Array.from(levels, (level) => level.networkTime);
    const output = await compiled.predictAt(x, networkTimes, network.classes === undefined ? undefined : labels);
    for (let n = 0; n < BATCH; n++) {
      let error = 0;
      for (let i = n * size; i < (n + 1) * size; i++) error += (noise[i] - output[i]) ** 2;
      losses.push((0.5 * path.gamma(times[n]).dGamma * error) / size / Math.LN2);
    }
  }
  const mean = losses.reduce((sum, value) => sum + value, 0) / losses.length;
  const deviation = Math.sqrt(losses.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (losses.length - 1));
  const error = deviation / Math.sqrt(losses.length);
  console.log(`${name.padEnd(8)} ${mean.toFixed(4)} ± ${error.toFixed(4)} bits/dim, deviation ${deviation.toFixed(4)}`);
}
