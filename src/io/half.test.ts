import { describe, expect, it } from "vitest";
import { bfloat16Bits, float16Bits, fromBfloat16, fromFloat16 } from "./half.ts";

// From torch 2.15.0: v.half().view(int16) and v.bfloat16().view(int16) of float32 numbers: ties, carries, subnormals, overflow.
const TORCH: [value: number, half: number, brain: number][] = [
  [0.10000000149011612, 0x2e66, 0x3dcd],
  [-0.10000000149011612, 0xae66, 0xbdcd],
  [0.3333333432674408, 0x3555, 0x3eab],
  [1.00048828125, 0x3c00, 0x3f80],
  [1.00146484375, 0x3c02, 0x3f80],
  [1.0004892349243164, 0x3c01, 0x3f80],
  [65504, 0x7bff, 0x4780],
  [65519, 0x7bff, 0x4780],
  [65520, 0x7c00, 0x4780],
  [-65520, 0xfc00, 0xc780],
  [6.103515625e-5, 0x0400, 0x3880],
  [6.1005353927612305e-5, 0x0400, 0x3880],
  [2 ** -24, 0x0001, 0x3380],
  [2.9802322387695312e-8, 0x0000, 0x3300],
  [8.940696716308594e-8, 0x0002, 0x33c0],
  [2.9805303114471826e-8, 0x0001, 0x3300],
  [-1.4901161193847656e-8, 0x8000, 0xb280],
  [9.99999993922529e-9, 0x0000, 0x322c],
  [1.00390625, 0x3c04, 0x3f80],
  [1.01171875, 0x3c0c, 0x3f82],
  [1.0039072036743164, 0x3c04, 0x3f81],
  [3.3800000765064914e38, 0x7c00, 0x7f7e],
  [3.39617752923046e38, 0x7c00, 0x7f80],
  [9.99994610111476e-41, 0x0000, 0x0001],
  [-0, 0x8000, 0x8000],
  [Number.POSITIVE_INFINITY, 0x7c00, 0x7f80],
];

const patterns = Uint16Array.from({ length: 65536 }, (_, i) => i);
const values = Float32Array.from(TORCH, ([value]) => value);

describe("16-bit floats", () => {
  it("round as torch does", () => {
    expect([...float16Bits(values)]).toEqual(TORCH.map(([, half]) => half));
    expect([...bfloat16Bits(values)]).toEqual(TORCH.map(([, , brain]) => brain));
  });

  it("decode to known numbers", () => {
    // 1, -2, 65504, 2^-14, 2^-24, -0, infinity; binary16 by IEEE 754.
    expect([...fromFloat16(Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x8000, 0x7c00, 0xfc00))]).toEqual([
      1,
      -2,
      65504,
      2 ** -14,
      2 ** -24,
      -0,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ]);
    expect([...fromBfloat16(Uint16Array.of(0x3f80, 0xc020, 0x0001, 0x8000))]).toEqual([1, -2.5, 2 ** -133, -0]);
    expect(fromFloat16(Uint16Array.of(0x7c01))[0]).toBeNaN();
    expect(fromBfloat16(Uint16Array.of(0x7fc0))[0]).toBeNaN();
  });

  it.each([
    ["float16", fromFloat16, float16Bits, 0x7c00],
    ["bfloat16", fromBfloat16, bfloat16Bits, 0x7f80],
  ] as const)(
    "%s: every pattern survives the way to float32 and back; NaN stays NaN",
    (_, decode, encode, infinity) => {
      const decoded = decode(patterns);
      const encoded = encode(decoded);
      const wrong = patterns.filter((pattern) => {
        const nan = (pattern & 0x7fff) > infinity;
        return nan
          ? !Number.isNaN(decoded[pattern]) || (encoded[pattern] & 0x7fff) <= infinity
          : encoded[pattern] !== pattern;
      });
      expect([...wrong]).toEqual([]);
    },
  );
});
