/**
 * What the engine is asked for, from the settings of the page.
 */
import type { ModelSource, SampleRequest } from "langevin/browser";
import type { Mask } from "./mask.ts";
import { maskOf } from "./mask.ts";
import type { Settings } from "./settings.ts";

interface Drawn {
  readonly from: ModelSource;
  readonly classes: number;
}

/** Pictures of a seed. Without a class of their own, all classes come in turn. */
export function drawRequest({ from, classes }: Drawn, settings: Settings): SampleRequest {
  const { solver, seed, guidance, classLabel, count } = settings;
  return { from, solver, seed, guidance, count, ...(classes > 0 && classLabel !== undefined && { classLabel }) };
}

/** A row of `count` pictures from one seed to another. */
export function betweenRequest(model: Drawn, settings: Settings, seedTo: number): SampleRequest {
  return { ...drawRequest(model, settings), between: { seedTo } };
}

/**
 * `settings.count` ways to fill in a picture. `picture`: [H, W, C] bytes, as they stand in a link, so that the link fills in
 * the same picture to the bit.
 */
export function fillRequest(model: Drawn, settings: Settings, picture: Uint8Array, mask: Mask): SampleRequest {
  const { count } = settings;
  const channels = picture.length / mask.data.length;
  const one = fromBytes(picture, channels);
  const known = new Float32Array(count * one.length);
  for (let n = 0; n < count; n++) known.set(one, n * one.length);
  return { ...drawRequest(model, settings), fill: { known, drawn: maskOf(mask, count, channels) } };
}

/** [H, W, C] bytes as [C, H, W] in [-1, 1]. */
export function fromBytes(bytes: ArrayLike<number>, channels: number): Float32Array<ArrayBuffer> {
  const area = bytes.length / channels;
  return Float32Array.from(
    { length: bytes.length },
    (_, i) => bytes[(i % area) * channels + Math.floor(i / area)] / 127.5 - 1,
  );
}

/** [C, H, W] in [-1, 1], clipped, as [H, W, C] bytes. */
export function toBytes(image: ArrayLike<number>, channels: number): Uint8Array<ArrayBuffer> {
  const area = image.length / channels;
  return Uint8Array.from({ length: image.length }, (_, i) => {
    const value = image[(i % channels) * area + Math.floor(i / channels)];
    return Math.round(Math.min(255, Math.max(0, (value + 1) * 127.5)));
  });
}
