/**
 * The two element functions that JavaScript lacks: the error function, and the hash behind `randomUniform`.
 */

/**
 * erf(x) = 2/√π · e^(−x²) · Σ_n 2^n x^(2n+1) / (1·3·…·(2n+1)), NIST DLMF 7.6.2: all terms have one sign, so nothing
 * cancels. Past |x| = 6 the result is ±1 in float64.
 */
export function erfOf(x: number): number {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let total = 0;
  for (let n = 0; Math.abs(term) > 1e-18 * Math.abs(total); n++) {
    total += term;
    term *= (2 * x * x) / (2 * n + 3);
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total;
}

/** The "lowbias32" finaliser (C. Wellons, "Prospecting for Hash Functions", 2018) on 32-bit words. */
function lowbias32(word: number): number {
  let u = word;
  u ^= u >>> 16;
  u = Math.imul(u, 0x7feb352d);
  u ^= u >>> 15;
  u = Math.imul(u, 0x846ca68b);
  u ^= u >>> 16;
  return u;
}

/** The 32 random bits of a position: hash(hash(position ^ seed0) + seed1 + stream · 0x9e3779b9). */
export function randomWord(seed0: number, seed1: number, stream: number, position: number): number {
  const inner = lowbias32(position ^ seed0);
  return lowbias32((inner + seed1 + Math.imul(stream, 0x9e3779b9)) | 0) >>> 0;
}
