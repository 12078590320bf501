/**
 * Random numbers inside the graph, for dropout: a hash of (seed, stream, position), so that they need no state and are
 * the same on every device that has 32-bit integers.
 *
 * hash(u) is the "lowbias32" finaliser (C. Wellons, "Prospecting for Hash Functions", 2018):
 *   u ^= u >> 16;  u *= 0x7feb352d;  u ^= u >> 15;  u *= 0x846ca68b;  u ^= u >> 16
 * word = hash(hash(position ^ seed0) + seed1 + stream · 0x9e3779b9); the number is (word >> 8) · 2^-24.
 *
 * Uses the runtime's uint32 kernels; the reference evaluator computes the same bits.
 */
import { sizeOf } from "../core/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { OnnxBuilder } from "./builder.ts";

const UINT32 = 12;
const FLOAT = 1;

export function lowerRandomUniform(
  builder: OnnxBuilder,
  { attributes: { shape, stream } }: Tensor<"randomUniform">,
  [seed]: readonly string[],
  output?: string,
): string {
  const size = sizeOf(shape);
  const columns = Math.min(size, 4096);
  const rows = Math.ceil(size / columns);
  const unsigned = (value: number) => builder.once(`unsigned ${value}`, () => builder.unsigned([value >>> 0], [1]));
  const shift = (u: string, bits: number) =>
    builder.node("BitwiseXor", [u, builder.node("BitShift", [u, unsigned(bits)], { direction: "RIGHT" })]);
  const hash = (u: string) => {
    const once = builder.node("Mul", [shift(u, 16), unsigned(0x7feb352d)]);
    const twice = builder.node("Mul", [shift(once, 15), unsigned(0x846ca68b)]);
    return shift(twice, 16);
  };
  const words = builder.once(`seed ${seed}`, () => builder.node("Cast", [seed], { to: UINT32 }));
  const word = (i: number) =>
    builder.once(`seed ${seed} ${i}`, () => {
      return builder.node("Slice", [words, builder.integers([i]), builder.integers([i + 1])]);
    });

  // Positions as row · columns + column, so that no constant is as long as the tensor.
  const positions = builder.once(`positions ${rows} ${columns}`, () => {
    const row = builder.unsigned(
      Array.from({ length: rows }, (_, i) => i * columns),
      [rows, 1],
    );
    const column = builder.unsigned(
      Array.from({ length: columns }, (_, i) => i),
      [1, columns],
    );
    return builder.node("Add", [row, column]);
  });
  const inner = hash(builder.node("BitwiseXor", [positions, word(0)]));
  const offset = builder.node("Add", [word(1), unsigned(Math.imul(stream, 0x9e3779b9))]);
  const bits = hash(builder.node("Add", [inner, offset]));
  const high = builder.node("BitShift", [bits, unsigned(8)], { direction: "RIGHT" });
  const uniform = builder.node("Mul", [builder.node("Cast", [high], { to: FLOAT }), builder.float(2 ** -24)]);
  const flat = builder.reshape(uniform, [rows * columns]);
  const cut = builder.node("Slice", [flat, builder.integers([0]), builder.integers([size])]);
  return builder.reshape(cut, shape, output);
}
