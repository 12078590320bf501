/**
 * The checkpoints of a run on their way to the disk: a stop may ask for one while another is being written.
 */
import type { ImageNetwork } from "../models/network.ts";
import { saveCheckpoint } from "../train/index.node.ts";
import type { Training } from "../train/index.ts";

/** Checkpoints of a run, one at a time. */
export class Saves {
  readonly #folder: string;
  readonly #network: ImageNetwork;
  readonly #training: Training;
  #last: Promise<void> = Promise.resolve();

  constructor(folder: string, network: ImageNetwork, training: Training) {
    this.#folder = folder;
    this.#network = network;
    this.#training = training;
  }

  /** Saves the state as it is then, after the saves under way. */
  save(): Promise<void> {
    const saved = this.#last.then(async () => {
      await this.#training.settle();
      await saveCheckpoint(this.#folder, this.#network, this.#training.state());
    });
    this.#last = saved.catch(() => {});
    return saved;
  }
}
