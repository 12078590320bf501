/**
 * A distribution that somebody draws: strokes of the pointer, a random stroke for those who have none, or a list of points to
 * type. All of them end as points, which the library takes as centres of little Gaussians.
 */
import { Random } from "langevin/browser";

/** Flat [N, 2]. */
export type Stroke = readonly number[];

/** Points of a stroke lie so far apart, so that a slow hand weighs no more than a quick one. */
const APART = 0.03;
/** Points beyond are held at the edge of the field in which one draws. */
export const EDGE = 1.3;
/** More points than that are not taken: the field would be full. */
export const MOST_POINTS = 4000;

const held = (value: number) => Math.min(EDGE, Math.max(-EDGE, value));

/** A stroke led on to a place, with points between. The stroke itself is not changed. */
export function ledOn(stroke: Stroke, x: number, y: number): Stroke {
  const [toX, toY] = [held(x), held(y)];
  if (stroke.length === 0) return [toX, toY];
  const points = [...stroke];
  let [fromX, fromY] = points.slice(-2);
  for (;;) {
    const distance = Math.hypot(toX - fromX, toY - fromY);
    if (distance < APART) return points;
    fromX += ((toX - fromX) * APART) / distance;
    fromY += ((toY - fromY) * APART) / distance;
    points.push(fromX, fromY);
  }
}

/** A curve by chance: a wave that begins somewhere and runs across, the same for the same number. */
export function randomStroke(seed: number): Stroke {
  const random = Random.from(seed, "stroke");
  const [x, y, turn] = [random.uniform() - 0.5, random.uniform() - 0.5, 2 * Math.PI * random.uniform()];
  const [wide, high] = [0.3 + 0.5 * random.uniform(), 0.2 + 0.4 * random.uniform()];
  const [waves, phase] = [1 + random.integer(3), 2 * Math.PI * random.uniform()];
  let stroke: Stroke = [];
  for (let i = 0; i <= 200; i++) {
    const u = (2 * Math.PI * i) / 200;
    const [a, b] = [wide * Math.cos(u), high * Math.sin(waves * u + phase)];
    stroke = ledOn(stroke, x + a * Math.cos(turn) - b * Math.sin(turn), y + a * Math.sin(turn) + b * Math.cos(turn));
  }
  return stroke;
}

/** The points of all strokes. */
export function pointsOfStrokes(strokes: readonly Stroke[]): Float32Array {
  return Float32Array.from(strokes.flat());
}

/** Points as a list to read or change, one a line. */
export function listOf(points: ArrayLike<number>): string {
  return Array.from(
    { length: points.length / 2 },
    (_, n) => `${short(points[2 * n])} ${short(points[2 * n + 1])}`,
  ).join("\n");
}

const short = (value: number) => String(Number(value.toFixed(3)));

/** Points of a list, or what is wrong with it: the line, and what a line should be. */
export function parseList(text: string): { points: Stroke } | { fault: string } {
  const points: number[] = [];
  const lines = text.split("\n");
  for (const [i, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const numbers = line
      .trim()
      .split(/[\s,;]+/)
      .map(Number);
    const fits = numbers.length === 2 && numbers.every((value) => Math.abs(value) <= EDGE);
    if (!fits) {
      return {
        fault: `Line ${i + 1} is “${line.trim()}”; a line has two numbers from −${EDGE} to ${EDGE}, such as 0.5 −0.2`,
      };
    }
    points.push(...numbers);
  }
  if (points.length === 0) return { fault: "The list is empty; write a point on each line, such as 0.5 -0.2" };
  if (points.length > 2 * MOST_POINTS)
    return { fault: `${points.length / 2} points are more than ${MOST_POINTS}; leave some out` };
  return { points };
}
