/**
 * Jobs that follow a control which is being moved: only the newest request counts. The one under way is let finish, so that
 * something is seen while the control moves; it is stopped where it takes long.
 */
import type { JobName, RequestOf, ResultOf } from "langevin/browser";
import { Task } from "../inside/task.svelte.ts";

/** Milliseconds that a request which is out of date may still take. */
const PATIENCE_MS = 400;

export class Latest<K extends JobName> {
  readonly task = new Task();
  result = $state.raw<ResultOf<K> | undefined>();
  readonly #name: K;
  #wanted: RequestOf<K> | undefined;
  #busy = false;
  #turn = 0;

  constructor(name: K) {
    this.#name = name;
  }

  /** Asks for this instead of all that was asked for before; `result` follows. */
  ask(request: RequestOf<K>): void {
    this.#wanted = request;
    if (!this.#busy) {
      void this.#work();
      return;
    }
    const turn = this.#turn;
    setTimeout(() => {
      if (turn === this.#turn && this.#wanted !== undefined) this.task.stop();
    }, PATIENCE_MS);
  }

  /** Forgets what was asked for, and what came. */
  clear(): void {
    this.stop();
    this.result = undefined;
  }

  stop(): void {
    this.#wanted = undefined;
    this.task.stop();
  }

  async #work(): Promise<void> {
    this.#busy = true;
    while (this.#wanted !== undefined) {
      const request = this.#wanted;
      this.#wanted = undefined;
      this.#turn++;
      const result = await this.task.run(this.#name, request, () => undefined);
      if (result !== undefined) this.result = result;
    }
    this.#busy = false;
  }
}
