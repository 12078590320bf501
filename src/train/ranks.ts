/**
 * How the ranks of a group keep one training state. Every rank has the whole of it and does every update; what they share
 * is the images of a step. With K ranks, each of n = batch · accumulate images, a step is that of one process with K n:
 *
 *   rank r has the images r n … (r + 1) n - 1 of the step, and the noise, times and labels that one process would draw for them
 *   gradient = 1/K sum over ranks of the mean gradient of each       (`step.ts`)
 *   what the host learns of a step (losses, errors by time, its duration, a wish to stop) is gathered here
 *
 * So nothing of a state says on how many ranks it was made: `examples` counts those of all ranks, and a run goes on with
 * any number. Tested against one process with K times the batch (`ranks.test.ts`; over MPI in `test/mpi`).
 */
import { ConfigError } from "../core/errors.ts";
import { type Group, gather, shareText } from "./group.ts";
import { type StateSlabs, slabNames, type TrainingState } from "./state.ts";

/**
 * Steps after which all ranks take the state of rank 0: unlike machines, or unlike counts of threads, give other last bits,
 * which must not add up.
 */
export const SHARED_EVERY = 500;

/** Where the images of a rank stand among those of a step. */
export interface Part {
  /** Place of the first one. */
  readonly first: number;
  /** Images of the step, on all ranks. */
  readonly whole: number;
}

/** The part of a rank that has `count` images of a step. */
export function partOf({ rank, size }: Group, count: number): Part {
  return { first: rank * count, whole: size * count };
}

/** What a rank learns of a step; of all its images once `gatherFigures` has joined them. */
export interface StepFigures {
  /** Mean over the images. */
  readonly loss: number;
  /** [N], as the path has them. */
  readonly times: Float64Array;
  /** [N] */
  readonly errors: Float32Array;
  /** [N] */
  readonly losses: Float32Array;
  /** Of the step; after gathering, that of rank 0. */
  readonly seconds: number;
  /** Whether the run is to end after this step; after gathering, whether any rank says so. */
  readonly stop: boolean;
}

/** The figures of a step on all ranks, images in their order in the step. The same on every rank. */
export async function gatherFigures(group: Group, own: StepFigures): Promise<StepFigures> {
  if (group.size === 1) return own;
  const { loss, seconds, stop, times, errors, losses } = own;
  const n = times.length;
  const ranks = await gather(group, [loss, seconds, Number(stop), ...times, ...errors, ...losses]);
  const joined = <T extends Float32Array | Float64Array>(whole: T, column: number): T => {
    for (const [rank, values] of ranks.entries()) {
      whole.set(values.subarray(3 + column * n, 3 + (column + 1) * n), rank * n);
    }
    return whole;
  };
  return {
    loss: ranks.reduce((sum, values) => sum + values[0], 0) / group.size,
    seconds: ranks[0][1],
    stop: ranks.some((values) => values[2] > 0),
    times: joined(new Float64Array(n * group.size), 0),
    errors: joined(new Float32Array(n * group.size), 1),
    losses: joined(new Float32Array(n * group.size), 2),
  };
}

/** The state of rank 0, on every rank: theirs tell only the architecture. */
export async function shareState(group: Group, state: TrainingState): Promise<TrainingState> {
  if (group.size === 1) return state;
  const { layout, slabs, history, ...run } = state;
  const shared = JSON.parse(await shareText(group, JSON.stringify(run))) as typeof run;
  // Copied: the arrays of a state are never changed, nor given away.
  const flat = await group.broadcast(slabNames.flatMap((name) => slabs[name].map((slab) => slab.slice())));
  const count = layout.lengths.length;
  const next = Object.fromEntries(slabNames.map((name, i) => [name, flat.slice(i * count, (i + 1) * count)]));
  if (!history) return { ...shared, layout, slabs: next as unknown as StateSlabs };
  const [losses] = await group.broadcast([history.losses.slice()]);
  const [counts] = await group.broadcast([history.counts.slice()]);
  return { ...shared, layout, slabs: next as unknown as StateSlabs, history: { losses, counts } };
}

/**
 * Raises a ConfigError, on every rank, unless all ranks say the same of a run. `said`: by name, what must agree, as JSON
 * can hold it.
 */
export async function checkAgreement(group: Group, said: Readonly<Record<string, unknown>>): Promise<void> {
  if (group.size === 1) return;
  const own = JSON.parse(JSON.stringify(said)) as Record<string, unknown>;
  const first = JSON.parse(await shareText(group, JSON.stringify(said))) as Record<string, unknown>;
  const names = Object.keys(said);
  const other = names.findIndex((name) => JSON.stringify(first[name]) !== JSON.stringify(own[name]));
  const found = (await gather(group, [other])).map(([place]) => place);
  const rank = found.findIndex((place) => place >= 0);
  if (rank < 0) return;
  const name = names[found[rank]];
  const shown = rank === group.rank ? `: ${JSON.stringify(own[name])} instead of ${JSON.stringify(first[name])}` : "";
  throw new ConfigError(
    `rank ${rank} trains with another ${name ?? "setting"} than rank 0${shown}; start every rank with the same command, on the same data`,
  );
}
