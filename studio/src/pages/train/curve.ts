/**
 * The curve of the loss: what is shown of thousands of steps.
 *
 *   smoothed   m_i = d m_{i-1} + (1 - d) loss_i,  shown m_i / (1 - d^i),  d = exp(-1 / span)
 *   thinned    of each stretch of steps its least and its largest value, so that no spike is lost
 */
export interface Points {
  x: number[];
  y: number[];
}

/** The running mean over about `span` values, without a bias at its start. A value that is not finite is left out of it. */
export function smoothed(values: ArrayLike<number>, span: number): number[] {
  const decay = Math.exp(-1 / span);
  let mean = 0;
  let weight = 0;
  return Array.from(values, (value) => {
    if (Number.isFinite(value)) {
      mean = decay * mean + (1 - decay) * value;
      weight = decay * weight + (1 - decay);
    }
    return mean / weight;
  });
}

/** Steps over which a run of this length is smoothed: a fiftieth of it, from 5 to 200. */
export function smoothingSpan(points: number): number {
  return Math.min(200, Math.max(5, points / 50));
}

/** At most about `most` points that show the same curve. */
export function thinned({ x, y }: Points, most: number): Points {
  if (x.length <= most) return { x: [...x], y: [...y] };
  const stretches = Math.floor(most / 2);
  const out: Points = { x: [], y: [] };
  for (let s = 0; s < stretches; s++) {
    const from = Math.floor((s * x.length) / stretches);
    const to = Math.floor(((s + 1) * x.length) / stretches);
    let [least, largest] = [from, from];
    for (let i = from; i < to; i++) {
      if (y[i] < y[least]) least = i;
      if (y[i] > y[largest]) largest = i;
    }
    for (const i of least === largest ? [least] : [Math.min(least, largest), Math.max(least, largest)]) {
      out.x.push(x[i]);
      out.y.push(y[i]);
    }
  }
  return out;
}

/**
 * The least range for a logarithmic axis that ends at 1, 2 or 5 times a power of ten, so that it has marks however little
 * the values vary. Undefined where no value is above 0.
 */
export function markedRange(values: Iterable<number>): readonly [number, number] | undefined {
  let [least, largest] = [Number.POSITIVE_INFINITY, 0];
  for (const value of values) {
    if (!(value > 0) || !Number.isFinite(value)) continue;
    least = Math.min(least, value);
    largest = Math.max(largest, value);
  }
  if (largest === 0) return undefined;
  const marks = (value: number) => [1, 2, 5, 10].map((mark) => mark * 10 ** Math.floor(Math.log10(value) + 1e-9));
  const below = marks(least).filter((mark) => mark <= least * (1 + 1e-9));
  const above = marks(largest).filter((mark) => mark > largest);
  return [below[below.length - 1], above[0]];
}

/** A noise level as a bar. */
export interface Bar {
  /** "0.2 to 0.3" */
  label: string;
  /** Mean squared error; undefined while no image fell in. */
  loss?: number;
  /** From 0 to 1, on a logarithmic scale from a thousandth of the largest up. */
  share: number;
}

const DECADES = 3;

/** The loss by noise level as bars. `buckets`: as `Tick.lossByNoise`. */
export function bars(buckets: readonly { from: number; to: number; loss: number; count: number }[]): Bar[] {
  const largest = Math.max(...buckets.map(({ loss, count }) => (count > 0 ? loss : 0)), 0);
  return buckets.map(({ from, to, loss, count }) => {
    const label = `${short(from)} to ${short(to)}`;
    if (count === 0 || !(largest > 0)) return { label, share: 0 };
    return { label, loss, share: Math.max(0.02, 1 + Math.log10(Math.max(loss, 1e-30) / largest) / DECADES) };
  });
}

const short = (value: number) => String(Number(value.toPrecision(3)));
