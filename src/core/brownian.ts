/**
 * Brownian motion on an interval that depends on a seed and nothing else: whoever asks for an increment again, or for parts
 * of it, however many steps he makes, sees the same path. So the stochastic solvers keep their picture when the number of
 * steps changes.
 *
 * The path is a dyadic tree (Lévy's construction): the increment W over [a, c] is cut at b = (a + c) / 2 into
 *
 *   W(a, b) = W (b - a) / (c - a) + sqrt((b - a)(c - b) / (c - a)) z,   W(b, c) = W - W(a, b)
 *
 * with z from a generator that is seeded by the place in the tree, down to a resolution of 1e-6 (Li et al., "Scalable
 * Gradients for Stochastic Differential Equations", 2020, appendix E). The numbers are those of torchsde's
 * BrownianInterval(halfway_tree=True, tol=1e-6, pool_size=24), from which k-diffusion and diffusers take the noise of
 * DPM++ SDE: places are hashed by NumPy's SeedSequence (O'Neill, "Developing a seed_seq alternative", 2015) and z is
 * torch.randn. Tested against torchsde 0.2.6 and NumPy 2.4 to float32 rounding.
 */
import { ConfigError } from "./errors.ts";
import { TorchGenerator } from "./torch-random.ts";

const RESOLUTION = 1e6;
const POOL = 24;

export interface BrownianOptions {
  /** Numbers in an increment. */
  size: number;
  /** The interval on which there is motion, start < end. */
  start: number;
  end: number;
  /** An integer from 0 to 2^53 - 1. */
  seed: number;
}

export class BrownianTree {
  readonly #size: number;
  readonly #seed: number;
  readonly #start: number;
  readonly #end: number;
  /** The increment over the whole interval. */
  readonly #whole: Float32Array;

  constructor({ size, start, end, seed }: BrownianOptions) {
    if (!Number.isSafeInteger(size) || size < 1) throw new ConfigError(`size must be an integer from 1, not ${size}`);
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new ConfigError(`seed must be an integer from 0 to 2^53 - 1, not ${seed}`);
    }
    if (!(Number.isFinite(start) && Number.isFinite(end) && rounded(start) < rounded(end))) {
      throw new ConfigError(`Brownian motion needs start < end, at least 1e-6 apart, not ${start} and ${end}`);
    }
    this.#size = size;
    this.#seed = seed;
    this.#start = rounded(start);
    this.#end = rounded(end);
    const scale = Math.sqrt(end - start);
    this.#whole = this.#normals(seedWords(seed, [], POOL, 1)[0]).map((z) => scale * z);
  }

  /** W(to) - W(from): normal with variance |to - from|, negative increments where to < from. Times have 6 decimals. */
  increment(from: number, to: number): Float32Array {
    const before = this.#motion(from);
    return Float32Array.from(this.#motion(to), (value, i) => value - before[i]);
  }

  /** The increment over sqrt(|to - from|): standard normal. */
  noise(from: number, to: number): Float32Array {
    const scale = 1 / Math.sqrt(Math.abs(to - from));
    if (!Number.isFinite(scale)) throw new ConfigError(`there is no noise between ${from} and ${to}`);
    return this.increment(from, to).map((value) => scale * value);
  }

  #normals(seed: number): Float32Array {
    return new TorchGenerator(seed).randn(this.#size);
  }

  /** W(time) - W(start). */
  #motion(time: number): Float64Array {
    const wanted = rounded(time);
    if (!(wanted >= this.#start && wanted <= this.#end)) {
      throw new ConfigError(`the Brownian motion is on [${this.#start}, ${this.#end}]; it was asked for ${time}`);
    }
    const total = new Float64Array(this.#size);
    if (wanted === this.#start) return total;
    const increment = Float64Array.from(this.#whole); // over [start, end]
    let [start, end, place] = [this.#start, this.#end, 0];
    for (let depth = 0; wanted !== end; depth++) {
      const middle = rounded(0.5 * (start + end));
      if (middle === start || middle === end) break; // the resolution
      const share = (middle - start) / (end - start);
      const spread = Math.sqrt(share * (end - middle));
      const z = this.#normals(seedWords(this.#seed, [place, depth], POOL, 1)[0]);
      const goLeft = wanted <= middle;
      for (let i = 0; i < z.length; i++) {
        const left = share * increment[i] + spread * z[i];
        if (!goLeft) total[i] += left;
        increment[i] = goLeft ? left : increment[i] - left;
      }
      if (goLeft) end = middle;
      else start = middle;
      place = 2 * place + (goLeft ? 0 : 1);
    }
    return total.map((value, i) => value + increment[i]);
  }
}

/** To 6 decimals; halves, which only multiples of 1/128 have, to the even one. */
function rounded(time: number): number {
  if (Math.abs((time * 128) % 2) !== 1) return Number(time.toFixed(6));
  const floor = Math.floor(time * RESOLUTION);
  return (floor % 2 === 0 ? floor : floor + 1) / RESOLUTION;
}

/**
 * The first `count` words of NumPy's SeedSequence(entropy, spawn_key=spawnKey, pool_size=poolSize): well mixed 32-bit seeds
 * for independent generators. `entropy` and the keys: integers from 0 to 2^53 - 1.
 */
export function seedWords(
  entropy: number,
  spawnKey: readonly number[],
  poolSize: number,
  count: number,
): Uint32Array<ArrayBuffer> {
  const own = wordsOf(entropy);
  const padding = spawnKey.length > 0 ? Math.max(0, poolSize - own.length) : 0;
  const words = [...own, ...new Array<number>(padding).fill(0), ...spawnKey.flatMap(wordsOf)];
  const hash = hasher(0x43b0d7e5, 0x931e8875);
  const pool = Uint32Array.from({ length: poolSize }, (_, i) => hash(words[i] ?? 0));
  for (let from = 0; from < poolSize; from++) {
    for (let to = 0; to < poolSize; to++) if (from !== to) pool[to] = mixed(pool[to], hash(pool[from]));
  }
  for (const word of words.slice(poolSize)) {
    for (let to = 0; to < poolSize; to++) pool[to] = mixed(pool[to], hash(word));
  }
  const output = hasher(0x8b51f9dd, 0x58f38ded);
  return Uint32Array.from({ length: count }, (_, i) => output(pool[i % poolSize]));
}

/** The 32-bit words of an integer, the lowest first. */
function wordsOf(value: number): number[] {
  const low = value % 2 ** 32;
  return value < 2 ** 32 ? [low] : [low, Math.floor(value / 2 ** 32)];
}

/** A hash whose constant advances with each word. */
function hasher(initial: number, multiplier: number): (word: number) => number {
  let constant = initial;
  return (word) => {
    const value = word ^ constant;
    constant = Math.imul(constant, multiplier);
    const product = Math.imul(value, constant);
    return (product ^ (product >>> 16)) >>> 0;
  };
}

function mixed(x: number, y: number): number {
  const value = (Math.imul(x, 0xca01f9dd) - Math.imul(y, 0x4973f715)) | 0;
  return (value ^ (value >>> 16)) >>> 0;
}
