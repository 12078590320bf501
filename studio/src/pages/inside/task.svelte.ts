/**
 * One job of the engine at a time for one part of the page: a new one stops the one before, and what comes late of that is left
 * alone.
 */
import type { EventOf, JobName, RequestOf, ResultOf } from "langevin/browser";
import { engine } from "../../lib/engine.svelte.ts";

export class Task {
  running = $state(false);
  error = $state.raw<unknown>();
  #turn = 0;
  #stop: (() => void) | undefined;

  /** Runs a job; `take` is handed its events. Undefined where it failed, or another took its place. */
  async run<K extends JobName>(
    name: K,
    request: RequestOf<K>,
    take: (event: EventOf<K>) => void,
  ): Promise<ResultOf<K> | undefined> {
    this.stop();
    const turn = ++this.#turn;
    const current = () => turn === this.#turn;
    this.running = true;
    this.error = undefined;
    try {
      const opened = await engine.open();
      if (!current()) return undefined;
      const job = opened.start(name, request);
      this.#stop = () => job.stop();
      for await (const event of job) {
        if (!current()) return undefined;
        take(event);
      }
      const result = await job.result;
      return current() ? result : undefined;
    } catch (error) {
      if (current()) this.error = error;
      return undefined;
    } finally {
      if (current()) this.running = false;
    }
  }

  stop(): void {
    this.#turn++;
    this.#stop?.();
    this.#stop = undefined;
    this.running = false;
  }
}
