/**
 * The lines of a run's `metrics.jsonl`, of which a tick of a run in this tab is one.
 */
export interface NoiseBucket {
  readonly from: number;
  readonly to: number;
  readonly loss: number;
  readonly count: number;
}

/** A line of `metrics.jsonl`, or a tick. */
export interface MetricsLine {
  readonly step: number;
  readonly loss: number;
  readonly steps?: number;
  readonly imagesPerSecond?: number;
  readonly seconds?: number;
  readonly lossByNoise?: readonly NoiseBucket[];
}

/**
 * The lines of a `metrics.jsonl`. The last one may be cut off while it is written, so it is left out until its line break;
 * another line that is no JSON with a step and a loss is an Error that names it.
 */
export function metricsLines(text: string): MetricsLine[] {
  const lines = text.split("\n");
  lines.pop();
  return lines.map((line, i) => {
    try {
      const parsed = JSON.parse(line);
      if (Number.isInteger(parsed.step) && typeof parsed.loss === "number") return parsed;
    } catch {}
    throw new Error(`line ${i + 1} of metrics.jsonl is no JSON with a step and a loss: ${line.slice(0, 60)}`);
  });
}
