/**
 * How fast a run goes, and how many steps fit in its budget.
 */

/** Steps after which the number of steps is planned for the first time, and between later corrections. */
const FIRST_PLAN = 10;
const PLAN_EVERY = 25;
/** Steps of which the duration counts. */
const WINDOW = 25;

export class Pace {
  readonly #seconds: number[] = [];
  #warm = false;

  /** Notes the seconds of one step. The first of a session allocates memory, so it counts only until there are others. */
  add(seconds: number): void {
    if (this.#seconds.length === WINDOW) this.#seconds.shift();
    if (this.#seconds.length === 1 && !this.#warm) {
      this.#seconds.pop();
      this.#warm = true;
    }
    this.#seconds.push(seconds);
  }

  /** The median of the last steps. */
  get secondsPerStep(): number {
    const sorted = [...this.#seconds].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
}

/**
 * The number of steps of a run that must end within `budgetSeconds`, planned after the first ten steps and corrected
 * every 25, up or down but never above `most`; the last tenth of a run is not touched, so that the learning rate falls
 * smoothly to its end. At other steps, the number as it was.
 */
export function planSteps(
  run: { step: number; steps: number; seconds: number },
  plan: { budgetSeconds: number; secondsPerStep: number; most: number },
): number {
  const { step, steps, seconds } = run;
  const { budgetSeconds, secondsPerStep, most } = plan;
  const due = step === FIRST_PLAN || (step > FIRST_PLAN && step % PLAN_EVERY === 0 && step < 0.9 * steps);
  if (!due) return steps;
  const left = Math.max(0, budgetSeconds - seconds);
  return Math.min(most, step + Math.floor(left / secondsPerStep));
}

/** Whether the steps of a run in a budget have been planned: a resumed run then goes on with that plan. */
export function isPlanned(step: number): boolean {
  return step >= FIRST_PLAN;
}
