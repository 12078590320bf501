/**
 * Closed-form noising on the host: x_t = alpha(t) x0 + sigma(t) eps (Ho et al. 2020, eq. 4), for pictures of the
 * forward process and for starting a solver from a noised image. Training does the same on the device.
 */
import { ShapeError } from "../core/errors.ts";
import type { Level, Path } from "./path-contract.ts";

/** `x0` at a time (or a level) of the path with the given noise; all of one shape, flat. */
export function noised(x0: Float32Array, noise: Float32Array, path: Path, at: number | Level): Float32Array {
  if (noise.length !== x0.length) {
    throw new ShapeError(
      `noised: x0 has ${x0.length} numbers and the noise ${noise.length}; they must be of one shape`,
    );
  }
  const { alpha, sigma } = typeof at === "number" ? path.at(at) : at;
  return x0.map((value, i) => alpha * value + sigma * noise[i]);
}
