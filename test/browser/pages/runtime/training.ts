/** A short training run on a given runtime: the same code in a page and in Node. */
import { Random } from "../../../../src/core/random.ts";
import { bytesDataset } from "../../../../src/data/memory.ts";
import { objectiveFrom } from "../../../../src/diffusion/objective.ts";
import { digitsNetwork } from "../../../../src/recipes/digits-network.ts";
import type { Runtime } from "../../../../src/runtime/session.ts";
import { networkFrom } from "../../../../src/train/network-config.ts";
import { train } from "../../../../src/train/train.ts";

export interface TrainingAsked {
  steps: number;
  batch: number;
  /** Channels of the network's two levels. */
  widths: readonly [number, number];
}

export interface TrainingSeen {
  losses: number[];
  /** Whether the state was on the device after a step. */
  away: boolean;
  /** The averaged weights at the end. */
  average: number[];
}

/** The losses of the network of the digits, in a width that is asked for, on made-up pictures, from seed 7. */
export async function trainingOn({ steps, batch, widths }: TrainingAsked, runtime: Runtime): Promise<TrainingSeen> {
  const random = Random.from(3);
  const pictures = Uint8Array.from(random.normals(64 * 784), (value) => Math.max(0, Math.min(255, 60 + 90 * value)));
  const labels = Int32Array.from({ length: 64 }, (_, i) => i % 10);
  const data = bytesDataset({
    name: "made-up pictures",
    images: pictures,
    labels,
    classes: Array.from({ length: 10 }, (_, digit) => String(digit)),
    channels: 1,
    height: 28,
    width: 28,
  });
  const digits = digitsNetwork({ classes: true });
  const unet = { ...digits.unet, block_out_channels: [...widths], attention_head_dim: widths[1] / 2 };
  const network = networkFrom({ ...digits, unet }, "the network");
  const objective = objectiveFrom({
    path: { name: "straightLine" },
    prediction: "flow",
    time: { name: "logitNormal" },
  });
  const settings = { steps, batch, seed: 7, clip: 1, learningRate: { peak: 2e-3, warmup: 5 }, labelDrop: 0.1 };
  const losses: number[] = [];
  const optimiser = { beta1: 0.9, beta2: 0.99 };
  let away = false;
  const training = train({
    network,
    objective,
    data,
    runtime,
    optimiser,
    ...settings,
    replicas: 1,
    threads: 1,
  });
  for await (const tick of training) {
    losses.push(tick.loss);
    try {
      training.state();
    } catch {
      away = true;
    }
    // Fetched once in the middle, as for a save.
    if (tick.step === steps / 2) await training.settle();
  }
  return { losses, away, average: Array.from(training.average.slabs[0]) };
}
