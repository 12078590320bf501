/**
 * The check of feeds that all runtimes share.
 */
import { ShapeError } from "../core/errors.ts";
import { formatShape, newArray, sizeOf } from "../core/shape.ts";
import type { GraphInput } from "../graph/graph.ts";
import type { DeviceFeeds } from "./session.ts";

/** Raises a ShapeError unless `feeds` holds exactly the inputs, each with its dtype and number of elements. */
export function checkFeeds(inputs: readonly GraphInput[], feeds: DeviceFeeds): void {
  for (const { name, shape, dtype } of inputs) {
    const feed = feeds[name];
    const expected = `${dtype} ${formatShape(shape)}, ${sizeOf(shape)} elements`;
    if (feed === undefined) throw new ShapeError(`input ${name} is missing; it expects ${expected}`);
    const fits = "read" in feed || feed.constructor === newArray(dtype, 0).constructor;
    if (!fits || feed.length !== sizeOf(shape)) {
      throw new ShapeError(
        `input ${name} got ${feed.constructor.name} of ${feed.length} elements, expects ${expected}`,
      );
    }
  }
  for (const name of Object.keys(feeds)) {
    if (!inputs.some((input) => input.name === name)) {
      throw new ShapeError(`the graph has no input ${name}; it has ${inputs.map((input) => input.name).join(", ")}`);
    }
  }
}
