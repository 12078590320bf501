/** What is seen on a plane, in words and numbers, for those who do not see it. */

/** Cells of so many units, for who lies near whom. */
const CELL = 0.1;

/** Where real points are: all places within about a tenth of one. */
export class Ground {
  readonly #cells = new Set<number>();

  /** `real`: [N, 2]. */
  constructor(real: Float32Array) {
    for (let i = 0; i < real.length; i += 2) {
      for (const dx of [-1, 0, 1])
        for (const dy of [-1, 0, 1]) this.#cells.add(cellOf(real[i] + dx * CELL, real[i + 1] + dy * CELL));
    }
  }

  /** The share of points [N, 2] that lie there. */
  share(points: Float32Array): number {
    let near = 0;
    for (let i = 0; i < points.length; i += 2) if (this.#cells.has(cellOf(points[i], points[i + 1]))) near++;
    return near / (points.length / 2);
  }
}

const cellOf = (x: number, y: number) => 10_000 * Math.floor(y / CELL) + Math.floor(x / CELL);

/** "1000 points about (0.01, −0.02), spread 0.61 across and 0.44 up." */
export function pointsInWords(points: Float32Array): string {
  const count = points.length / 2;
  const [across, up] = [0, 1].map((axis) => {
    let sum = 0;
    for (let i = axis; i < points.length; i += 2) sum += points[i];
    const mean = sum / count;
    let squares = 0;
    for (let i = axis; i < points.length; i += 2) squares += (points[i] - mean) ** 2;
    return { mean, spread: Math.sqrt(squares / count) };
  });
  return `${count} points about (${show(across.mean)}, ${show(up.mean)}), spread ${show(across.spread)} across and ${show(up.spread)} up.`;
}

/** Two digits behind the point, a true minus, no minus zero. */
export function show(value: number): string {
  const text = value.toFixed(2);
  return (text === "-0.00" ? "0.00" : text).replace("-", "−");
}

/** Mean direction and steepness of a field [N, 2] over the four quarters of the plane, whose rows go up. */
export function fieldInWords(vectors: Float32Array, cells: number): string {
  const quarters = [
    { name: "upper left", right: false, above: true },
    { name: "upper right", right: true, above: true },
    { name: "lower left", right: false, above: false },
    { name: "lower right", right: true, above: false },
  ];
  return quarters
    .map(({ name, right, above }) => {
      let [x, y] = [0, 0];
      for (let n = 0; n < cells * cells; n++) {
        if (n % cells >= cells / 2 !== right || Math.floor(n / cells) >= cells / 2 !== above) continue;
        x += vectors[2 * n];
        y += vectors[2 * n + 1];
      }
      return `${name} to the ${directionOf(x, y)}`;
    })
    .join(", ");
}

const directions = ["right", "upper right", "top", "upper left", "left", "lower left", "bottom", "lower right"];

/** One of eight directions. */
export function directionOf(x: number, y: number): string {
  return directions[(Math.round(Math.atan2(y, x) / (Math.PI / 4)) + 8) % 8];
}
