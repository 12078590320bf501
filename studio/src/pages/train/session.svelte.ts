/**
 * The training in this tab. It belongs to the tab and not to the page: who looks at another page meanwhile finds it going
 * on. What is done is saved by the job every half minute and when it ends; the rest is what a closed tab would lose.
 */
import type { Running, TrainEvent, TrainRequest, TrainResult } from "langevin/browser";
import { engine, isDeviceFault } from "../../lib/engine.svelte.ts";
import { browserRuns } from "../../lib/runs.ts";
import { fillView, keepGrid } from "./kept.ts";
import { RunView } from "./view.svelte.ts";
import { count, duration } from "./words.ts";

export type Status = "none" | "opening" | "training" | "stopping" | "paused" | "finished" | "failed" | "shown";

class Session {
  status = $state<Status>("none");
  /** The run that is shown. */
  run = $state<string | undefined>();
  view = $state.raw(new RunView());
  error = $state.raw<unknown>();
  /** The last step that the store has. */
  saved = $state(0);
  /** What else there is to say: files that were left out, samples that could not be kept. */
  notes = $state.raw<readonly string[]>([]);
  #running: Running<TrainEvent, TrainResult> | undefined;

  readonly busy = $derived(this.status === "opening" || this.status === "training" || this.status === "stopping");
  /** Whether a closed tab would lose steps. */
  readonly unsaved = $derived(this.busy && this.view.step > this.saved);
  /** What is left after an error. */
  readonly left = $derived(
    this.saved > 0
      ? `Step ${count(this.saved)} is saved: resume goes on from there.`
      : "Nothing was saved before it, so the run begins anew.",
  );

  constructor() {
    addEventListener("beforeunload", (event) => {
      if (this.unsaved) event.preventDefault();
    });
  }

  /** Begins a run, or goes on with one of which step `saved` is in the store. */
  async start(request: TrainRequest, saved = 0): Promise<void> {
    const view = new RunView();
    this.view = view;
    this.run = request.run;
    this.saved = saved;
    this.error = undefined;
    this.notes = [];
    this.status = "opening";
    view.title = request.run;
    view.stateText = "opening the engine …";
    if (request.gridSeconds)
      view.gridHint = `The first samples appear after about ${request.gridSeconds} seconds of training.`;
    try {
      if (request.resume) await fillView(view, browserRuns(), request.run, saved);
      void navigator.storage?.persist?.().catch(() => undefined); // so that a full disk takes other things first
      const running = (await engine.open()).start("train", request);
      this.#running = running;
      view.stateText = "preparing data and network …";
      for await (const event of running) this.#take(view, event);
      const result = await running.result;
      this.saved = result.step;
      this.status = result.finished ? "finished" : "paused";
      view.stateText = result.finished
        ? `finished after ${duration(result.seconds)}`
        : `paused; step ${count(result.step)} is saved`;
    } catch (error) {
      this.error = error;
      this.status = "failed";
      view.stateText = `stopped by an error after step ${count(view.step)}`;
      // A device that was lost stays lost to its engine: the next start opens a new one.
      if (isDeviceFault(error)) await engine.close();
    } finally {
      this.#running = undefined;
    }
  }

  #take(view: RunView, event: TrainEvent): void {
    if (event.type === "begun") {
      this.status = "training";
      this.saved = event.step;
      view.total = event.steps;
      if (event.step > 0) view.add([]);
      view.stateText = "the first step takes longer …";
    } else if (event.type === "tick") {
      view.add([event]);
      const ending = event.step >= event.steps ? "saving, and drawing the last samples …" : "training";
      view.stateText = this.status === "stopping" ? "ending after this step …" : ending;
    } else if (event.type === "grid") {
      view.addGrid({ step: event.step, images: event.images, shape: event.shape });
      keepGrid(browserRuns(), this.run!, event).catch((error: Error) => {
        this.notes = [...this.notes, `The samples after step ${event.step} are not kept: ${error.message}`];
      });
    } else if (event.type === "saved") {
      this.saved = event.step;
    } else {
      this.notes = [...this.notes, `Left out: ${event.reason}`];
    }
  }

  /** Ends after the step under way, and saves. */
  pause(): void {
    if (!this.#running) return;
    this.status = "stopping";
    this.view.stateText = "ending after this step …";
    this.#running.stop();
  }

  /** Pauses where it trains, and shows nothing any more. */
  async stop(): Promise<void> {
    const running = this.#running;
    this.pause();
    await running?.result.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve)); // `start` has seen the end
    if (this.status !== "failed") this.clear();
  }

  clear(): void {
    this.status = "none";
    this.run = undefined;
    this.error = undefined;
    this.view = new RunView();
  }

  /** Shows a run as it was saved. */
  async show(run: string): Promise<void> {
    const view = new RunView();
    view.title = run;
    view.gridHint = "No samples were kept.";
    this.error = undefined;
    try {
      await fillView(view, browserRuns(), run);
      view.stateText = "as it was saved";
    } catch (error) {
      this.error = error;
    }
    this.view = view;
    this.run = run;
    this.saved = view.step;
    this.status = "shown";
  }
}

export const session = new Session();
