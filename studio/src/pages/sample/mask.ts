/**
 * A mask on a picture: 1 where it is to be drawn anew, painted with a round brush, in pixels of the picture.
 */
export interface Mask {
  readonly width: number;
  readonly height: number;
  /** [H, W] of 0 and 1. */
  readonly data: Uint8Array;
}

export function emptyMask(width: number, height: number): Mask {
  return { width, height, data: new Uint8Array(width * height) };
}

/**
 * The mask with a stroke from one point to another, in pixels from the top left corner: all pixels whose centre is within
 * `radius` of the segment become `value`.
 */
export function stroke(
  mask: Mask,
  from: readonly [number, number],
  to: readonly [number, number],
  radius: number,
  value: 0 | 1,
): Mask {
  const data = mask.data.slice();
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length2 = dx * dx + dy * dy;
  for (let y = 0; y < mask.height; y++) {
    for (let x = 0; x < mask.width; x++) {
      const [px, py] = [x + 0.5 - from[0], y + 0.5 - from[1]];
      const along = length2 === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / length2));
      if ((px - along * dx) ** 2 + (py - along * dy) ** 2 <= radius * radius) data[y * mask.width + x] = value;
    }
  }
  return { ...mask, data };
}

/** One half of the picture: for those who do not paint. */
export function halfMask(width: number, height: number, half: "top" | "bottom" | "left" | "right"): Mask {
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const inside = { top: 2 * y < height, bottom: 2 * y >= height, left: 2 * x < width, right: 2 * x >= width }[half];
      data[y * width + x] = inside ? 1 : 0;
    }
  }
  return { width, height, data };
}

/** The mask of each of `count` pictures and each channel: [count, C, H, W]. */
export function maskOf({ data }: Mask, count: number, channels: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(count * channels * data.length);
  for (let n = 0; n < count * channels; n++) out.set(data, n * data.length);
  return out;
}

/** Painted pixels. */
export function painted({ data }: Mask): number {
  return data.reduce((sum, value) => sum + value, 0);
}

/** A mask as text for a link: the lengths of its runs of 0, 1, 0, …, each in base 36, separated by dots. */
export function maskToText({ data }: Mask): string {
  const runs: number[] = [];
  let value = 0;
  let length = 0;
  for (const pixel of data) {
    if (pixel === value) length++;
    else {
      runs.push(length);
      value = pixel;
      length = 1;
    }
  }
  runs.push(length);
  return runs.map((run) => run.toString(36)).join(".");
}

/** The mask of a text of `maskToText`. Undefined where the text does not fill width × height pixels. */
export function maskFromText(text: string, width: number, height: number): Mask | undefined {
  const runs = text.split(".").map((run) => Number.parseInt(run, 36));
  const total = runs.reduce((sum, run) => sum + run, 0);
  if (total !== width * height || runs.some((run) => !(run >= 0))) return undefined;
  const data = new Uint8Array(total);
  let at = 0;
  runs.forEach((run, i) => {
    data.fill(i % 2, at, at + run);
    at += run;
  });
  return { width, height, data };
}
