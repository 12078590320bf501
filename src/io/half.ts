/**
 * 16-bit floating-point numbers as float32, and back, by bits.
 *
 *     float16 (IEEE 754 binary16): 1 sign, 5 exponent (bias 15), 10 fraction bits;  largest 65504, smallest 2^-24
 *     bfloat16: the upper 16 bits of a float32
 *
 * float32 → 16 bits rounds to the nearest, ties to even, and gives infinity above the largest number. NaN stays NaN.
 * The test goes through all 65,536 patterns of both formats and agrees with torch at the edges.
 */

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** float16 patterns → numbers. */
export function fromFloat16(bits: Uint16Array): Float32Array {
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const sign = bits[i] & 0x8000 ? -1 : 1;
    const exponent = (bits[i] >>> 10) & 0x1f;
    const fraction = bits[i] & 0x3ff;
    if (exponent === 0) values[i] = sign * fraction * 2 ** -24;
    else if (exponent === 31) values[i] = fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    else values[i] = sign * (1024 + fraction) * 2 ** (exponent - 25);
  }
  return values;
}

/** bfloat16 patterns → numbers. */
export function fromBfloat16(bits: Uint16Array): Float32Array {
  const values = new Float32Array(bits.length);
  const words = new Uint32Array(values.buffer);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i] << 16;
  return values;
}

/** `value · 2^-shift`, rounded to the nearest whole number, ties to even. `value`: a 32-bit unsigned integer. */
function shiftRounded(value: number, shift: number): number {
  const kept = Math.floor(value / 2 ** shift);
  const rest = value - kept * 2 ** shift;
  const half = 2 ** (shift - 1);
  return rest > half || (rest === half && kept % 2 === 1) ? kept + 1 : kept;
}

/** Numbers → float16 patterns. */
export function float16Bits(values: Float32Array): Uint16Array {
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    float[0] = values[i];
    const sign = (word[0] >>> 16) & 0x8000;
    const magnitude = word[0] & 0x7fffffff;
    const exponent = magnitude >>> 23;
    if (magnitude > 0x7f800000) bits[i] = sign | 0x7e00;
    // A carry out of the fraction goes into the exponent, and out of the largest number into infinity.
    else if (exponent >= 113) bits[i] = sign | Math.min(0x7c00, shiftRounded(magnitude - (112 << 23), 13));
    else if (exponent >= 102) bits[i] = sign | shiftRounded((magnitude & 0x7fffff) | 0x800000, 126 - exponent);
    else bits[i] = sign;
  }
  return bits;
}

/** Numbers → bfloat16 patterns. */
export function bfloat16Bits(values: Float32Array): Uint16Array {
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    float[0] = values[i];
    const magnitude = word[0] & 0x7fffffff;
    const sign = (word[0] >>> 16) & 0x8000;
    bits[i] = sign | (magnitude > 0x7f800000 ? 0x7fc0 : shiftRounded(magnitude, 16));
  }
  return bits;
}
