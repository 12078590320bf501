/**
 * One drawing: the steps that have come so far, and which of them is looked at. While it draws, the last one is; a hand on
 * the scrubber stays where it is.
 */
export interface Frame {
  /** 1 .. of. */
  readonly step: number;
  readonly of: number;
  readonly t: number;
  /** [N, C, H, W] */
  readonly x: Float32Array;
  /** The predicted x0. */
  readonly sample: Float32Array;
}

/** Steps as they come from the engine. */
export type Steps = AsyncIterable<Frame> & { stop(): void };

/** More steps than this are thinned out, for they all stay in memory. */
const MOST_FRAMES = 60;

export class Drawing {
  frames = $state.raw<readonly Frame[]>([]);
  shape = $state.raw<readonly number[]>([]);
  index = $state(0);
  step = $state(0);
  of = $state(0);
  running = $state(false);
  error = $state.raw<unknown>();
  seconds = $state(0);
  /** Rises with each drawing, so that what comes late of an earlier one is left alone. */
  #turn = 0;
  #stop: (() => void) | undefined;

  readonly frame = $derived(this.frames[Math.min(this.index, this.frames.length - 1)]);
  /** The pictures, when they are finished. */
  readonly finished = $derived.by(() => {
    const last = this.frames[this.frames.length - 1];
    return !this.running && last !== undefined && last.step === last.of ? last.x : undefined;
  });

  /** Draws anew; what was drawn before stays until the first step has come. Returns whether it came to its end. */
  async run(shape: readonly number[], begin: () => Promise<Steps>): Promise<boolean> {
    this.stop();
    const turn = ++this.#turn;
    const current = () => turn === this.#turn;
    this.running = true;
    this.error = undefined;
    const began = performance.now();
    let frames: Frame[] = [];
    try {
      const steps = await begin();
      if (!current()) {
        steps.stop();
        return false;
      }
      this.#stop = () => steps.stop();
      for await (const frame of steps) {
        if (!current()) return false;
        this.step = frame.step;
        this.of = frame.of;
        this.seconds = (performance.now() - began) / 1000;
        const every = Math.ceil(frame.of / MOST_FRAMES);
        if (frame.step !== 1 && frame.step !== frame.of && frame.step % every !== 0) continue;
        const atEnd = frames.length === 0 || this.index >= this.frames.length - 1;
        frames = [...frames, frame];
        this.shape = shape;
        this.frames = frames;
        if (atEnd) this.index = frames.length - 1;
      }
      return current();
    } catch (error) {
      if (current()) this.error = error;
      return false;
    } finally {
      if (current()) this.running = false;
    }
  }

  /** Stops between two steps; what was drawn stays. */
  stop(): void {
    this.#turn++;
    this.#stop?.();
    this.#stop = undefined;
    this.running = false;
  }

  clear(): void {
    this.stop();
    this.frames = [];
    this.index = 0;
    this.error = undefined;
  }
}
