/** What the canvases of a page show. */
import type { Locator } from "playwright-core";

/** The red values of a canvas, row by row: the grey levels of a grey picture. */
export async function greyOf(canvas: Locator): Promise<number[]> {
  return await canvas.evaluate((element) => {
    const { width, height } = element as HTMLCanvasElement;
    const { data } = (element as HTMLCanvasElement).getContext("2d")!.getImageData(0, 0, width, height);
    return Array.from({ length: width * height }, (_, i) => data[4 * i]);
  });
}

/** The grey levels of all canvases below an element, one after the other. */
export async function greysOf(group: Locator): Promise<number[][]> {
  return await Promise.all((await group.locator("canvas").all()).map(greyOf));
}

/** The largest difference of two lists of levels. */
export function apart(a: readonly number[], b: readonly number[]): number {
  return a.length === b.length ? Math.max(...a.map((value, i) => Math.abs(value - b[i]))) : Number.POSITIVE_INFINITY;
}
