/**
 * The random numbers of PyTorch on the CPU: after `manual_seed(s)` the same numbers, so that a run of ours can be held
 * beside one of PyTorch and a seed of somebody else's picture means the same here.
 *
 * Engine: MT19937 (Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8, 1998), seeded with the low 32 bits of s.
 *
 *   rand      (w mod 2^24) 2^-24 of one word w
 *   randint   low + w mod (high - low); two words, the first one high, where high - low is from 2^28 up
 *   randn     16 numbers and more: uniform float32 numbers u first, then within each chunk of 16, for j < 8,
 *             r = sqrt(-2 ln(1 - u[j])), z[j] = r cos(2π u[j + 8]), z[j + 8] = r sin(2π u[j + 8]); a last chunk that is
 *             not full is made again, of 16 fresh numbers that end with the tensor
 *             fewer: pairs of float64 uniforms of 53 bits (two words each), r = sqrt(-2 ln(1 - u2)), r cos(2π u1), then
 *             r sin(2π u1), which is kept over calls until it is used
 *
 * Tested against torch 2.15 (test/parity/make_torch_random.py): rand and randint are equal to the bit, randn to 1e-6. The
 * last bits of randn are not PyTorch's to keep either: its AVX2 and AVX-512 paths have logarithms and sines of their own.
 */
import { ConfigError } from "./errors.ts";

const WORDS = 624;
const SHIFT = 397;
/** From this range on `randint` takes 64 bits. */
const WIDE_RANGE = 2 ** 28;
const CHUNK = 16;
const TWO_PI = Math.fround(2 * Math.PI);

/** What a checkpoint keeps of a generator; plain JSON. */
export interface TorchGeneratorState {
  words: number[];
  /** Words of the block that are used up. */
  used: number;
  /** The second number of a pair of normals, when it waits. */
  waiting?: number;
}

export class TorchGenerator {
  readonly #state = new Uint32Array(WORDS);
  #used = WORDS;
  #waiting: number | undefined;

  /** `seed`: as `manualSeed`. */
  constructor(seed = 0) {
    this.manualSeed(seed);
  }

  /** Begins again with a seed, an integer from 0 to 2^53 - 1, of which 32 bits count, as in PyTorch. Returns itself. */
  manualSeed(seed: number): this {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new ConfigError(`the seed of a TorchGenerator must be an integer from 0 to 2^53 - 1, not ${seed}`);
    }
    const state = this.#state;
    state[0] = seed % 2 ** 32;
    for (let i = 1; i < WORDS; i++) {
      state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
    }
    this.#used = WORDS;
    this.#waiting = undefined;
    return this;
  }

  get state(): TorchGeneratorState {
    const state = { words: [...this.#state], used: this.#used };
    return this.#waiting === undefined ? state : { ...state, waiting: this.#waiting };
  }

  static restore({ words, used, waiting }: TorchGeneratorState): TorchGenerator {
    if (words.length !== WORDS || !Number.isInteger(used) || used < 0 || used > WORDS) {
      throw new ConfigError(
        `the state of a TorchGenerator is ${WORDS} words and how many are used, not ${words.length} words and ${used}`,
      );
    }
    const generator = new TorchGenerator();
    generator.#state.set(words);
    generator.#used = used;
    generator.#waiting = waiting;
    return generator;
  }

  /** `size` numbers, uniform in [0, 1) with 24 bits: torch.rand(size). */
  rand(size: number): Float32Array {
    return this.#fillUniform(new Float32Array(checkedSize(size)));
  }

  /** `size` standard normal numbers: torch.randn(size). A tensor's numbers depend on its size only, not on its shape. */
  randn(size: number): Float32Array {
    const out = new Float32Array(checkedSize(size));
    if (size < CHUNK) return out.map(() => this.#normal());
    this.#fillUniform(out);
    for (let i = 0; i + CHUNK <= size; i += CHUNK) boxMuller(out.subarray(i, i + CHUNK));
    if (size % CHUNK !== 0) boxMuller(this.#fillUniform(out.subarray(size - CHUNK)));
    return out;
  }

  /** `size` integers in [low, high): torch.randint(low, high, (size,)). high - low is at most 2^53 - 1. */
  randint(low: number, high: number, size: number): number[] {
    const range = high - low;
    if (![low, high, range].every(Number.isSafeInteger) || range < 1) {
      throw new ConfigError(`randint needs integers low < high less than 2^53 apart, not ${low} and ${high}`);
    }
    const wide = BigInt(range);
    const one = () => (range < WIDE_RANGE ? this.#word() % range : Number(this.#wideWord() % wide));
    return Array.from({ length: checkedSize(size) }, () => low + one());
  }

  #fillUniform(out: Float32Array): Float32Array {
    for (let i = 0; i < out.length; i++) out[i] = (this.#word() & 0xffffff) * 2 ** -24;
    return out;
  }

  #normal(): number {
    if (this.#waiting !== undefined) {
      const kept = this.#waiting;
      this.#waiting = undefined;
      return kept;
    }
    const angle = 2 * Math.PI * this.#uniform53();
    const radius = Math.sqrt(-2 * Math.log1p(-this.#uniform53()));
    this.#waiting = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  #uniform53(): number {
    const high = this.#word() & 0x1fffff;
    return (high * 2 ** 32 + this.#word()) * 2 ** -53;
  }

  #wideWord(): bigint {
    const high = BigInt(this.#word());
    return (high << 32n) | BigInt(this.#word());
  }

  #word(): number {
    if (this.#used === WORDS) this.#next();
    let word = this.#state[this.#used++];
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    word ^= word >>> 18;
    return word >>> 0;
  }

  /** The next block of 624 words. */
  #next(): void {
    const state = this.#state;
    for (let i = 0; i < WORDS; i++) {
      const joined = (state[i] & 0x80000000) | (state[(i + 1) % WORDS] & 0x7fffffff);
      state[i] = state[(i + SHIFT) % WORDS] ^ (joined >>> 1) ^ (joined & 1 ? 0x9908b0df : 0);
    }
    this.#used = 0;
  }
}

/** Turns 16 uniform numbers into 16 normal ones; the logarithm, the root and the angle are rounded to float32. */
function boxMuller(chunk: Float32Array): void {
  const half = CHUNK / 2;
  for (let j = 0; j < half; j++) {
    const radius = Math.fround(Math.sqrt(-2 * Math.fround(Math.log(1 - chunk[j]))));
    const angle = Math.fround(TWO_PI * chunk[j + half]);
    chunk[j] = radius * Math.cos(angle);
    chunk[j + half] = radius * Math.sin(angle);
  }
}

function checkedSize(size: number): number {
  if (Number.isSafeInteger(size) && size >= 0) return size;
  throw new ConfigError(`the size must be an integer from 0, not ${size}`);
}
