/**
 * Sine and cosine written out, for devices whose own are not exact: a GPU's may be off by 5e-4 (WGSL, "floating point
 * accuracy": 2^-11 in [-π, π], and no bound outside), where the time of a network goes through both with arguments up to
 * 1000.
 *
 *   r = x − 2π round(x / 2π)              in three parts of 2π, as Cody and Waite: exact up to |x| of some thousands
 *   sin x = sin(max(min(r, π − r), −π − r)),   cos x = sin(π/2 − |r|)
 *   sin r = r − r³/3! + … − r¹¹/11!       in [-π/2, π/2], off by at most 6e-8
 *
 * Tested in Chromium on WebGPU, and on the CPU against Math.sin.
 */
import type { OnnxBuilder } from "./builder.ts";
import type { Layouts } from "./layouts.ts";
import type { TargetLowerings } from "./target-lowerings.ts";

/** 2π = A + B + C, A of 9 bits and B of 11: their products with whole numbers to some thousands are exact in float32. */
const [A, B] = [6.28125, 2029 * 2 ** -20];
const PARTS = [A, B, 2 * Math.PI - A - B];

export const trigonometryLowerings: TargetLowerings = {
  sin: (layouts, node) => {
    const { builder } = layouts;
    const r = reduced(layouts, layouts.plain(node.inputs[0]));
    const pi = builder.float(Math.PI);
    const folded = builder.node("Min", [r, builder.node("Sub", [pi, r])]);
    const below = builder.node("Sub", [builder.float(-Math.PI), r]);
    return sine(builder, builder.node("Max", [folded, below]), layouts.outputName(node));
  },
  cos: (layouts, node) => {
    const { builder } = layouts;
    const r = reduced(layouts, layouts.plain(node.inputs[0]));
    const shifted = builder.node("Sub", [builder.float(Math.PI / 2), builder.node("Abs", [r])]);
    return sine(builder, shifted, layouts.outputName(node));
  },
};

/** x less whole turns, in [-π, π]; once for the sine and the cosine of one value. */
function reduced({ builder }: Layouts, x: string): string {
  return builder.once(`less whole turns ${x}`, () => {
    const turns = builder.node("Add", [builder.node("Mul", [x, builder.float(1 / (2 * Math.PI))]), builder.float(0.5)]);
    const whole = builder.node("Floor", [turns]);
    return PARTS.reduce((rest, part) => {
      return builder.node("Sub", [rest, builder.node("Mul", [whole, builder.float(part)])]);
    }, x);
  });
}

/** sin r for r in [-π/2, π/2]. */
function sine(builder: OnnxBuilder, r: string, output?: string): string {
  const squared = builder.node("Mul", [r, r]);
  const coefficients = [-1 / 39916800, 1 / 362880, -1 / 5040, 1 / 120, -1 / 6, 1];
  const [first, ...rest] = coefficients.map((value) => builder.float(value));
  const polynomial = rest.reduce(
    (value, next) => builder.node("Add", [builder.node("Mul", [value, squared]), next]),
    first,
  );
  return builder.node("Mul", [r, polynomial], {}, output);
}
