/**
 * The number that a network is fed for a time t in [0, 1] of a continuous path (0 is data). Conventions differ, and a
 * checkpoint must be fed its own:
 *
 *   1000t   diffusers' flow models, progressive distillation     999t   Song et al. 2021: label of a 1000-step schedule
 *   1-t     SiT, which counts from noise to data                 t      as it is
 */
import { choice, type Field, withDefault } from "./options.ts";
import type { Clock } from "./path-contract.ts";

/** Every clock by its name. */
export const clocks: { readonly [K in Clock]: (t: number) => number } = {
  t: (t) => t,
  "1-t": (t) => 1 - t,
  "999t": (t) => 999 * t,
  "1000t": (t) => 1000 * t,
};

/** The option `networkTime` of a continuous path. */
export function clockField(fallback: Clock): Field<Clock> {
  return withDefault(choice("t", "1-t", "999t", "1000t"), fallback);
}
