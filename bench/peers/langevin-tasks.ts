/**
 * Our own side of the benchmark, on any runtime.
 *
 * train-step: one tick of `train()`, as any user gets it: the batch from the data stream, times and noise, forward,
 * backward, clipping to global norm 1, Adam, EMA. sample-forward: one `CompiledNetwork.predict`, as solvers call it.
 * Inputs are random; float32.
 */
import { Random } from "../../src/core/random.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { objectiveFrom } from "../../src/diffusion/index.ts";
import { CompiledNetwork } from "../../src/models/compiled.ts";
import type { ImageNetwork } from "../../src/models/network.ts";
import { Weights } from "../../src/nn/weights.ts";
import type { Runtime } from "../../src/runtime/session.ts";
import { train } from "../../src/train/train.ts";
import { randomImages } from "../random-images.ts";
import type { Prepared, Task } from "./protocol.ts";

interface Work {
  network: ImageNetwork;
  batch: number;
  threads: number;
  runtime: Runtime;
}

export const langevinTasks: Record<Task, (work: Work) => Pick<Prepared, "step" | "release">> = {
  "train-step": (work) => {
    const ticks = train({
      ...work,
      data: randomImages(work.network, work.batch),
      objective: objectiveFrom({ path: { name: "linear" }, prediction: "noise" }),
      steps: 1_000_000,
      learningRate: { peak: 2e-4 },
      clip: 1,
      ema: { decay: 0.999 },
      seed: 0,
    })[Symbol.asyncIterator]();
    return {
      step: async () => void (await ticks.next()),
      release: async () => void (await ticks.return(undefined)),
    };
  },
  "sample-forward": ({ network, batch, threads, runtime }) => {
    const compiled = new CompiledNetwork(network, Weights.initial(network, 0), runtime, { threads });
    const images = Random.from(0, "images").normals(batch * sizeOf(network.imageShape));
    return {
      step: async () => void (await compiled.predict(images, 500)),
      release: () => compiled[Symbol.asyncDispose](),
    };
  },
};
