/**
 * A teacher: a trained network, frozen, that tells a student in training what it would predict. It is asked at a time per
 * image (a training batch), or at one time for all (a solver), guided where a scale of guidance is given: then the
 * student learns what guidance draws, and needs none itself.
 */
import { ConfigError } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import type { Condition, Denoised, Denoiser } from "../diffusion/denoiser.ts";
import { type BatchDenoiser, batchDenoiserOf } from "../diffusion/distillation/batch-denoiser.ts";
import { classifierFree } from "../diffusion/guidance/classifier-free.ts";
import type { Objective } from "../diffusion/objective.ts";
import type { Level, Path } from "../diffusion/path-contract.ts";
import { CompiledNetwork } from "../models/compiled.ts";
import type { ImageNetwork } from "../models/network.ts";
import type { Weights } from "../nn/weights.ts";
import type { Runtime } from "../runtime/session.ts";

export interface TeacherOptions {
  network: ImageNetwork;
  /** Usually the averaged ones. They are not copied: keep them as they are. */
  weights: Weights;
  /** What the network was trained for. */
  objective: Pick<Objective, "path" | "prediction">;
  runtime: Runtime;
  /** Threads of its sessions; all cores when absent. */
  threads?: number;
  /** Scale of classifier-free guidance, from 0; 1 (default) is none. Another one doubles the teacher's work. */
  guidance?: number;
}

export class Teacher implements BatchDenoiser, Denoiser, AsyncDisposable {
  readonly network: ImageNetwork;
  readonly weights: Weights;
  readonly #compiled: CompiledNetwork;
  readonly #each: BatchDenoiser;
  readonly #guidance: number;

  /** Raises a ConfigError for guidance of a network without classes, and for networks that learned variances. */
  constructor({ network, weights, objective, runtime, threads, guidance = 1 }: TeacherOptions) {
    if (network.outputChannels !== network.imageShape[0]) {
      throw new ConfigError("a teacher predicts images alone; this network learned variances too, and cannot be one");
    }
    if (guidance !== 1 && network.classes === undefined) {
      throw new ConfigError(
        `the teacher's guidance is ${guidance}, but its network has no classes; leave guidance out`,
      );
    }
    this.network = network;
    this.weights = weights;
    this.#guidance = guidance;
    this.#compiled = new CompiledNetwork(network, weights, runtime, { threads });
    const predict = (x: Float32Array, times: Float32Array, condition?: Condition) =>
      this.#compiled.predictAt(x, times, condition?.classLabels as Int32Array | undefined);
    this.#each = batchDenoiserOf(predict, objective.path, objective.prediction);
  }

  get path(): Path {
    return this.#each.path;
  }

  denoiseEach(x: Float32Array, levels: readonly Level[], condition?: Condition): Promise<Denoised> {
    const { classes } = this.network;
    if (this.#guidance === 1 || classes === undefined) return this.#each.denoiseEach(x, levels, condition);
    // Guidance asks for the batch twice over; the second half is at the levels of the first.
    const twice: Denoiser = {
      path: this.path,
      denoise: (both, _, conditions) => {
        const { length } = levels;
        const images = (both.length / x.length) * length;
        const repeated = Array.from({ length: images }, (_, i) => levels[i % length]);
        return this.#each.denoiseEach(both, repeated, conditions);
      },
    };
    const nullCondition = { classLabels: Int32Array.of(classes - 1) };
    return classifierFree(twice, { scale: this.#guidance, nullCondition }).denoise(x, levels[0], condition);
  }

  denoise(x: Float32Array, at: number | Level, condition?: Condition): Promise<Denoised> {
    const level = typeof at === "number" ? this.path.at(at) : at;
    const count = x.length / sizeOf(this.network.imageShape);
    return this.denoiseEach(x, new Array<Level>(count).fill(level), condition);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#compiled[Symbol.asyncDispose]();
  }
}
