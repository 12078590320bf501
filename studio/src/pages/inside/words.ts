/** Numbers and levels as the page says them. */

/** "step 3 of 20, noise 85 %": sigma's share of alpha and sigma, by their squares. */
export function levelText({
  step,
  of,
  alpha,
  sigma,
}: {
  step: number;
  of: number;
  alpha: number;
  sigma: number;
}): string {
  return `step ${step} of ${of}, noise ${shareText(alpha, sigma)}`;
}

/** The share of noise in x = alpha x0 + sigma eps, by variance: "85 %". */
export function shareText(alpha: number, sigma: number): string {
  const share = (100 * sigma ** 2) / (alpha ** 2 + sigma ** 2);
  return `${share < 1 || (share > 99 && share < 100) ? share.toFixed(1) : Math.round(share)}\u00a0%`;
}

/** Large counts as they are read: "1.2 M". */
export function large(value: number): string {
  for (const [unit, size] of [
    ["G", 1e9],
    ["M", 1e6],
    ["k", 1e3],
  ] as const) {
    if (value >= size) return `${(value / size).toPrecision(3)} ${unit}`;
  }
  return String(value);
}

/** Milliseconds to three digits. */
export const milliseconds = (ms: number) => `${ms >= 100 ? ms.toFixed(0) : ms.toPrecision(ms < 0.1 ? 1 : 3)} ms`;
