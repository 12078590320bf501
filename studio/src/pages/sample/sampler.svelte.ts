/**
 * The state of the page: the model that is open, what is to be drawn, and what was drawn, for each of the four modes.
 */
import { ConfigError, type SampleRequest } from "langevin/browser";
import { engine, isDeviceFault } from "../../lib/engine.svelte.ts";
import { Drawing } from "./drawing.svelte.ts";
import { Form } from "./form.svelte.ts";
import { emptyMask, type Mask, maskFromText, maskToText, painted } from "./mask.ts";
import type { Model } from "./model.ts";
import { betweenRequest, drawRequest, fillRequest, toBytes } from "./requests.ts";
import { bytesFromText, bytesToText, type Mode, type Settings, type Shown, shownToQuery } from "./settings.ts";

/** Pictures of a comparison, of a row, and ways to fill in. */
const COMPARED = 9;
const ROW = 8;
const FILLS = 4;

export class Sampler {
  readonly model: Model;
  readonly form: Form;
  /** The other settings of a comparison: solver, steps and guidance. */
  readonly other: Form;
  mode = $state<Mode>("draw");
  seedTo = $state(1);
  /** Which of the drawn pictures is picked, to be filled in. */
  picked = $state(0);
  /** The picture to fill in, [H, W, C] bytes. */
  picture = $state.raw<Uint8Array<ArrayBuffer> | undefined>();
  mask: Mask = $state.raw(emptyMask(1, 1));
  readonly drawings: Readonly<Record<Mode | "other", Drawing>> = {
    draw: new Drawing(),
    compare: new Drawing(),
    other: new Drawing(),
    between: new Drawing(),
    fill: new Drawing(),
  };
  readonly busy = $derived(Object.values(this.drawings).some(({ running }) => running));

  /** `shown`: what a link asks for. Raises a ConfigError for a picture or a mask of another size than the model's. */
  constructor(model: Model, shown?: Shown) {
    this.model = model;
    this.form = new Form(model, shown?.a);
    this.other = new Form(model, shown && { ...shown.a, ...shown.b });
    if (!shown) this.other.steps = Math.max(1, Math.round(this.form.steps / 5));
    this.mask = emptyMask(this.width, this.height);
    if (!shown) return;
    this.mode = shown.mode;
    this.seedTo = shown.seedTo ?? 1;
    if (shown.picture !== undefined) this.#takePicture(shown);
  }

  get width(): number {
    return this.model.imageShape[2];
  }

  get height(): number {
    return this.model.imageShape[1];
  }

  get channels(): 1 | 3 {
    return this.model.imageShape[0] as 1 | 3;
  }

  #takePicture({ picture, mask }: Shown): void {
    const bytes = bytesFromText(picture!);
    const found = mask === undefined ? emptyMask(this.width, this.height) : maskFromText(mask, this.width, this.height);
    if (bytes?.length !== this.width * this.height * this.channels || !found) {
      throw new ConfigError(
        `the link has a picture or a mask of another size than the ${this.width} × ${this.height} of ${this.model.name.name}`,
      );
    }
    this.picture = bytes;
    this.mask = found;
  }

  /** What stands in the link; undefined while the solver does not work on the path, or there is nothing to fill in. */
  readonly shown: Shown | undefined = $derived.by(() => {
    const a = this.form.settings(this.mode === "between" || this.mode === "fill");
    if (!a) return undefined;
    if (this.mode === "draw") return { mode: "draw", a };
    if (this.mode === "between") return { mode: "between", a: { ...a, count: ROW }, seedTo: this.seedTo };
    if (this.mode === "compare") {
      const b = this.other.settings();
      const count = Math.min(a.count, COMPARED);
      return b && { mode: "compare", a: { ...a, count }, b: { solver: b.solver, guidance: b.guidance } };
    }
    if (!this.picture || painted(this.mask) === 0) return undefined;
    const [mask, picture] = [maskToText(this.mask), bytesToText(this.picture)];
    return { mode: "fill", a: { ...a, count: FILLS }, mask, picture };
  });

  get query(): Record<string, string | number | undefined> | undefined {
    return this.shown && shownToQuery(this.shown, this.model.name, this.model.weights);
  }

  /** Draws what the mode shows. Returns whether it came to its end. */
  async draw(): Promise<boolean> {
    const { shown, model, drawings } = this;
    if (!shown) return false;
    const { a, b, mode } = shown;
    if (mode === "between") return await this.#run(drawings.between, betweenRequest(model, a, this.seedTo));
    if (mode === "fill") return await this.#run(drawings.fill, fillRequest(model, a, this.picture!, this.mask));
    if (mode === "draw") return await this.#run(drawings.draw, drawRequest(model, a));
    drawings.other.clear();
    const first = await this.#run(drawings.compare, drawRequest(model, a));
    return first && (await this.#run(drawings.other, drawRequest(model, { ...a, ...b } as Settings)));
  }

  async #run(drawing: Drawing, request: SampleRequest): Promise<boolean> {
    const shape = [request.count!, ...this.model.imageShape];
    const ended = await drawing.run(shape, async () => (await engine.open()).start("sample", request));
    // A device that was lost stays lost to its engine: the next drawing opens a new one.
    if (isDeviceFault(drawing.error)) await engine.close();
    return ended;
  }

  stop(): void {
    for (const drawing of Object.values(this.drawings)) if (drawing.running) drawing.stop();
  }

  /** Takes the picked picture, as it is shown, to be filled in. */
  fillPicked(): void {
    const { frame } = this.drawings.draw;
    if (!frame) return;
    const size = this.width * this.height * this.channels;
    const { classLabel } = this.form.settings()!;
    this.form.oneClass = classLabel ?? this.picked % Math.max(1, this.model.classes);
    this.take(toBytes(frame.x.subarray(this.picked * size, (this.picked + 1) * size), this.channels));
  }

  /** Takes a picture to be filled in, [H, W, C] bytes. */
  take(picture: Uint8Array<ArrayBuffer>): void {
    this.picture = picture;
    this.drawings.fill.clear();
    this.mode = "fill";
  }
}
