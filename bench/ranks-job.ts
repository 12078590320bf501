/**
 * A rank of `ranks.ts`: trains a network of the benchmark on one thread; rank 0 prints the images a second of all ranks. A
 * step is whole: drawing, both passes, the sum over the ranks, the update.
 */
import { parseArgs } from "node:util";
import { objectiveFrom } from "../src/diffusion/index.ts";
import { nodeRuntime } from "../src/runtime/node/session.ts";
import { mpiGroup } from "../src/train/index.node.ts";
import { train } from "../src/train/index.ts";
import { networkOf, networks } from "./networks.ts";
import { randomImages } from "./random-images.ts";

const UNTIMED = 3;
const { values } = parseArgs({
  options: { network: { type: "string" }, batch: { type: "string" }, steps: { type: "string" } },
});
const [batch, timed] = [Number(values.batch), Number(values.steps)];
const network = networkOf(networks[values.network!].network);

await using group = await mpiGroup();
const training = train({
  network,
  objective: objectiveFrom({ path: { name: "linear" }, prediction: "noise" }),
  data: randomImages(network, batch),
  runtime: nodeRuntime(),
  group,
  steps: UNTIMED + timed,
  batch,
  learningRate: { peak: 1e-4 },
  clip: 1,
  seed: 0,
  threads: 1,
});
let began = 0;
for await (const { step } of training) if (step === UNTIMED) began = performance.now();
const seconds = (performance.now() - began) / 1000;
if (group.rank === 0)
  process.stdout.write(`${JSON.stringify({ imagesPerSecond: (batch * group.size * timed) / seconds })}\n`);
