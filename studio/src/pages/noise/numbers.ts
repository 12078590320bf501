/** How the page writes numbers: four digits, a true minus, infinity as a sign. */

export function show(value: number, digits = 4): string {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(digits - 2) : value.toFixed(digits);
  return text.replace("e+", "e").replaceAll("-", "−");
}

/** Decibels with one digit. */
export function showDecibels(value: number): string {
  return `${show(value, 1)} dB`;
}

/** A share in per cent. */
export function showShare(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}
