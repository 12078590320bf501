/**
 * Counter-based random numbers: Threefry-2x32 with 20 rounds.
 *
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011), §3.3; the generator of
 * JAX. Block `c` of a stream with key `k` is threefry(k, [c mod 2^32, floor(c / 2^32)]): two 32-bit words. Nothing else
 * is state, so a stream is checkpointed by its key and counter, and any block can be computed on its own.
 *
 * Uniform numbers are (word >>> 8) · 2^-24 in [0, 1). Normal numbers are Box-Muller pairs of one block in float64:
 * r = sqrt(-2 ln u1), z = r cos(2π u2), r sin(2π u2), with u1 = (w0 + 1) · 2^-32 in (0, 1] and u2 = w1 · 2^-32.
 *
 * Tested against the known-answer vectors of the Random123 distribution.
 */

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;
const PARITY = 0x1bd11bda;

export type RandomKey = readonly [number, number];

/** Threefry-2x32-20: writes the two output words of one block to `out`. */
export function threefry2x32(key0: number, key1: number, counter0: number, counter1: number, out: Uint32Array): void {
  const keys = [key0 | 0, key1 | 0, PARITY ^ key0 ^ key1];
  let x0 = (counter0 + keys[0]) | 0;
  let x1 = (counter1 + keys[1]) | 0;
  for (let group = 0; group < 5; group++) {
    const base = (group & 1) * 4;
    for (let round = 0; round < 4; round++) {
      const rotation = ROTATIONS[base + round];
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << rotation) | (x1 >>> (32 - rotation))) ^ x0;
    }
    x0 = (x0 + keys[(group + 1) % 3]) | 0;
    x1 = (x1 + keys[(group + 2) % 3] + group + 1) | 0;
  }
  out[0] = x0;
  out[1] = x1;
}

/** What a checkpoint keeps of a stream. */
export interface RandomState {
  key: RandomKey;
  /** Blocks drawn so far. */
  counter: number;
}

/**
 * A stream of random numbers.
 *
 * Every draw starts at a fresh block, so the numbers depend on the order of the calls and on nothing else: not on the
 * device, not on the number of threads.
 */
export class Random {
  readonly key: RandomKey;
  #counter: number;
  readonly #block = new Uint32Array(2);

  private constructor(key: RandomKey, counter: number) {
    this.key = key;
    this.#counter = counter;
  }

  /**
   * The stream of a seed and a path of names, such as `Random.from(seed, "noise", epoch)`. Streams of different paths
   * are independent. `seed`: an integer in [0, 2^53).
   */
  static from(seed: number, ...path: (string | number)[]): Random {
    if (!Number.isInteger(seed) || seed < 0 || seed > Number.MAX_SAFE_INTEGER) {
      throw new RangeError(`seed must be an integer from 0 to 2^53 - 1, not ${seed}`);
    }
    return new Random([seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0], 0).fork(...path);
  }

  static restore(state: RandomState): Random {
    return new Random(state.key, state.counter);
  }

  get state(): RandomState {
    return { key: this.key, counter: this.#counter };
  }

  /** An independent stream, named by a path; does not advance this one. */
  fork(...path: (string | number)[]): Random {
    const out = new Uint32Array([this.key[0], this.key[1]]);
    for (const part of path) {
      const text = typeof part === "number" ? `#${part}` : part;
      for (let i = 0; i < text.length; i++) threefry2x32(out[0], out[1], text.charCodeAt(i), i + 1, out);
      threefry2x32(out[0], out[1], text.length, 0xffffffff, out);
    }
    return new Random([out[0], out[1]], 0);
  }

  /** Draws the next block. */
  #next(): Uint32Array {
    const counter = this.#counter++;
    threefry2x32(this.key[0], this.key[1], counter >>> 0, Math.floor(counter / 2 ** 32), this.#block);
    return this.#block;
  }

  /** A 32-bit unsigned integer. */
  uint32(): number {
    return this.#next()[0];
  }

  /** A number in [0, 1) with 24 random bits, exact in float32. */
  uniform(): number {
    return (this.uint32() >>> 8) * 2 ** -24;
  }

  /** A standard normal number. */
  normal(): number {
    const block = this.#next();
    return Math.sqrt(-2 * Math.log((block[0] + 1) * 2 ** -32)) * Math.cos(2 * Math.PI * block[1] * 2 ** -32);
  }

  /** An integer in [0, bound), without modulo bias. `bound`: at most 2^32. */
  integer(bound: number): number {
    const limit = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      const value = this.uint32();
      if (value < limit) return value % bound;
    }
  }

  fillUniform(out: Float32Array): Float32Array {
    for (let i = 0; i < out.length; i += 2) {
      const block = this.#next();
      out[i] = (block[0] >>> 8) * 2 ** -24;
      if (i + 1 < out.length) out[i + 1] = (block[1] >>> 8) * 2 ** -24;
    }
    return out;
  }

  fillNormal(out: Float32Array): Float32Array {
    for (let i = 0; i < out.length; i += 2) {
      const block = this.#next();
      const radius = Math.sqrt(-2 * Math.log((block[0] + 1) * 2 ** -32));
      const angle = 2 * Math.PI * block[1] * 2 ** -32;
      out[i] = radius * Math.cos(angle);
      if (i + 1 < out.length) out[i + 1] = radius * Math.sin(angle);
    }
    return out;
  }

  /** A new array of standard normal numbers. */
  normals(size: number): Float32Array {
    return this.fillNormal(new Float32Array(size));
  }

  /** A random order of 0 .. size-1 (Fisher-Yates). */
  permutation(size: number): Uint32Array {
    const order = Uint32Array.from({ length: size }, (_, i) => i);
    for (let i = size - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const swapped = order[i];
      order[i] = order[j];
      order[j] = swapped;
    }
    return order;
  }
}
