/**
 * That jax-js computes what we do: the same weights, images, times and noise through both, on two images.
 *
 *   node --import tsx bench/peers/jax-js-check.ts digits
 *
 * Prints the largest difference of the predictions, the relative ones of the loss and of the gradient's norm, and the
 * mean one of the weights after an update, in learning rates; ends with 1 unless all are below 1e-3.
 */
import { parseArgs } from "node:util";
import { Weights } from "../../src/nn/weights.ts";
import { nodeRuntime } from "../../src/runtime/node/session.ts";
import { stateDict } from "../../src/train/network-config.ts";
import { differenceOf } from "../differences.ts";
import { networkOf, networks } from "../networks.ts";
import { jaxFigures } from "./jax-js-figures.ts";
import { openJax } from "./jax-js-open.ts";
import { LEARNING_RATE } from "./jax-js-train.ts";
import { differences, ourFigures } from "./same-numbers.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { threads: { type: "string", default: "2" } },
});
const fields = networks[positionals[0] ?? "digits"].network;
const network = networkOf(fields);
const { jax } = await openJax(Number(values.threads));
const ours = await ourFigures(fields, nodeRuntime());
const ourWeights = stateDict(network, ours.updated);
const theirs = await jaxFigures(jax, fields, Weights.initial(network, 0));

let difference = 0;
let count = 0;
for (const [name, value] of Object.entries(theirs.updated)) {
  const { data } = ourWeights.get(name)!;
  const theirData = await value.data();
  for (let i = 0; i < data.length; i++) difference += Math.abs(data[i] - theirData[i]);
  count += data.length;
}

const figures = { ...differences(ours, theirs), weights: difference / count / LEARNING_RATE };
process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exit(differenceOf(figures) ? 1 : 0);
