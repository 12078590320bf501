/**
 * A run of the command line, watched through the server's events (see src/server/run-events.ts): read only.
 */
import { servedFiles, stepOfPicture } from "../../lib/runs.ts";
import { batchOf } from "./kept.ts";
import type { MetricsLine } from "./metrics.ts";
import { RunView } from "./view.svelte.ts";

export class Watched {
  readonly name: string;
  readonly view = new RunView();
  error = $state.raw<unknown>();
  live = $state(false);
  readonly #events: EventSource;

  constructor(name: string) {
    this.name = name;
    const { view } = this;
    view.title = name;
    view.stateText = "connecting …";
    view.gridHint = "The command line draws samples at a tenth, a quarter, a half and three quarters of a run.";
    void this.#describe();
    this.#events = new EventSource(`api/runs/${encodeURIComponent(name)}/events`);
    this.#events.onopen = () => {
      this.live = true;
      this.error = undefined;
      view.stateText = "live";
    };
    this.#events.onerror = () => {
      if (!this.live && this.#events.readyState === EventSource.CLOSED && view.steps.length === 0) {
        this.error = new Error(`the run ${name} cannot be read: the server does not answer for it`);
      }
      view.stateText = this.live ? "the connection was lost; trying again …" : view.stateText;
      this.live = false;
    };
    const on = <T>(event: string, take: (data: T) => void) =>
      this.#events.addEventListener(event, (message) => take(JSON.parse((message as MessageEvent).data)));
    on<MetricsLine[]>("metrics", (lines) => view.add(lines.filter(isLine)));
    on<{ file: string; changed: number }>("picture", ({ file, changed }) => {
      const step = stepOfPicture(file) ?? (file === "samples.png" ? view.step : undefined);
      const path = file.split("/").map(encodeURIComponent).join("/");
      if (step !== undefined) view.addGrid({ step, url: `${servedFiles(name)}${path}?changed=${changed}` });
    });
    on("reset", () => view.reset());
    on<{ error: string }>("fault", ({ error }) => {
      this.error = new Error(error);
    });
    on("end", () => {
      this.close();
      view.stateText = view.total !== undefined && view.step >= view.total ? "finished" : "not training now";
    });
  }

  /** What stands in its description and not in its metrics. */
  async #describe(): Promise<void> {
    const response = await fetch(`${servedFiles(this.name)}run.json`).catch(() => undefined);
    if (!response?.ok) return;
    const text = await response.text();
    this.view.batch = batchOf(text) ?? this.view.batch;
    const { training } = JSON.parse(text);
    this.view.total ??= training.steps;
  }

  close(): void {
    this.live = false;
    this.#events.close();
  }
}

const isLine = (line: MetricsLine) => Number.isInteger(line.step) && typeof line.loss === "number";
