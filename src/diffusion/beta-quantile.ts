/**
 * The quantile of the beta distribution, the inverse of the regularised incomplete beta function:
 *
 *   betaQuantile(p, a, b) = x  with  I_x(a, b) = p,   I_x(a, b) = 1 / B(a, b) ∫_0^x t^(a-1) (1-t)^(b-1) dt
 *
 * I_x is the continued fraction of DLMF 8.17.22, evaluated by Lentz's method, times x^a (1-x)^b / (a B(a, b)); the
 * inverse is found by Newton's method on ln I_x as a function of ln x, in which it is concave and nearly a line, from the
 * side on which x is the smaller of x and 1 - x. Tested against SciPy 1.17.1 to 1e-12, relative.
 */
import { ConfigError } from "../core/errors.ts";

/** Lanczos' approximation of ln Γ(x) for x > 0, g = 7 and nine terms (Godfrey's coefficients): about 1e-15. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** ln Γ(x), x > 0. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const base = x + 6.5;
  const sum = LANCZOS.reduce((total, c, i) => total + (i === 0 ? c : c / (x - 1 + i)), 0);
  return Math.log(2 * Math.PI) / 2 + (x - 0.5) * Math.log(base) - base + Math.log(sum);
}

function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}

/** The continued fraction F in I_x(a, b) = x^a (1-x)^b / (a B(a, b)) · 1 / F; quick for x up to (a+1) / (a+b+2). */
function fraction(x: number, a: number, b: number): number {
  let [value, c, d] = [1, 1, 0];
  for (let n = 1; n <= 1000; n++) {
    const m = Math.floor(n / 2);
    const term =
      n % 2 === 0
        ? (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
        : (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + term * d);
    c = 1 + term / c;
    value *= c * d;
    if (Math.abs(c * d - 1) < 1e-16) break;
  }
  return value;
}

/** ln I_x(a, b) given ln x. */
function logIncomplete(logX: number, a: number, b: number): number {
  const x = Math.exp(logX);
  const front = a * logX + b * Math.log1p(-x) - logBeta(a, b);
  if (x <= (a + 1) / (a + b + 2)) return front - Math.log(a * fraction(x, a, b));
  return Math.log1p(-Math.exp(front) / (b * fraction(1 - x, b, a)));
}

/** The x in [0, 1] below which a beta(a, b) variable falls with probability p. `p` in [0, 1], `a` and `b` above 0. */
export function betaQuantile(p: number, a: number, b: number): number {
  if (!(p >= 0 && p <= 1) || !(a > 0 && b > 0) || !Number.isFinite(a + b)) {
    throw new ConfigError(`betaQuantile needs p from 0 to 1 and shapes above 0, not p = ${p}, a = ${a}, b = ${b}`);
  }
  if (p === 0 || p === 1) return p;
  const half = Math.exp(logIncomplete(Math.log(0.5), a, b));
  return p <= half ? lower(p, a, b) : 1 - lower(1 - p, b, a);
}

/** The quantile where it is at most a half. */
function lower(p: number, a: number, b: number): number {
  const wanted = Math.log(p);
  // I_x ~ x^a / (a B) at small x; never below the answer by more than the factor (1-x)^(b-1) gives.
  let logX = Math.min(Math.log(0.5), (wanted + Math.log(a) + logBeta(a, b)) / a);
  for (let i = 0; i < 100; i++) {
    const log = logIncomplete(logX, a, b);
    const x = Math.exp(logX);
    // d ln I / d ln x = x · density / I
    const slope = Math.exp(a * logX + (b - 1) * Math.log1p(-x) - logBeta(a, b) - log);
    const next = Math.min(Math.log(0.5), logX - (log - wanted) / slope);
    if (Math.abs(next - logX) < 1e-15 * Math.max(1, Math.abs(logX))) return Math.exp(next);
    logX = next;
  }
  return Math.exp(logX);
}
