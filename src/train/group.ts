/**
 * The processes that train together, called ranks as in MPI: what the training loop asks of them. A group of one is the
 * default; `mpi/` makes one of the ranks that mpirun started; tests have one in memory.
 *
 * Every rank must make the same calls in the same order: each call waits for all of them.
 */
export interface Group {
  /** From 0; rank 0 writes and prints. */
  readonly rank: number;
  readonly size: number;
  /** Threads for this rank: its share of the cores of its machine. All cores when absent. */
  readonly threads?: number;
  /**
   * Sums over the ranks, element by element, in the arrays' own precision: the same bits on every rank. Lengths must be the
   * same everywhere. The arrays given must not be used afterwards: their memory becomes that of the result.
   */
  sum<T extends Float32Array | Float64Array>(arrays: readonly T[]): Promise<T[]>;
  /** The arrays of rank 0; elsewhere only their lengths count. What is given must not be used afterwards. */
  broadcast<T extends Shareable>(arrays: readonly T[]): Promise<T[]>;
  /** Resolves when every rank has come here. */
  barrier(): Promise<void>;
}

export type Shareable = Float32Array | Float64Array | Int32Array | Uint8Array;

/** A run of one process. */
export const alone: Group = Object.freeze({
  rank: 0,
  size: 1,
  sum: async <T>(arrays: readonly T[]) => [...arrays],
  broadcast: async <T>(arrays: readonly T[]) => [...arrays],
  barrier: async () => {},
});

/** The numbers of every rank, in the order of the ranks; the same count of them everywhere. */
export async function gather(group: Group, own: ArrayLike<number>): Promise<Float64Array[]> {
  const { length } = own;
  const all = new Float64Array(group.size * length);
  all.set(own, group.rank * length);
  const [summed] = await group.sum([all]); // every place is zero but on one rank
  return Array.from({ length: group.size }, (_, rank) => summed.slice(rank * length, (rank + 1) * length));
}

/** The text of every rank, in the order of the ranks. */
export async function gatherTexts(group: Group, own: string): Promise<string[]> {
  const bytes = new TextEncoder().encode(own);
  const lengths = (await gather(group, [bytes.length])).map(([length]) => length);
  const padded = new Uint8Array(Math.max(...lengths));
  padded.set(bytes);
  const all = await gather(group, padded);
  return all.map((values, rank) => new TextDecoder().decode(Uint8Array.from(values.subarray(0, lengths[rank]))));
}

/** The text of rank 0; what other ranks give does not count. */
export async function shareText(group: Group, own = ""): Promise<string> {
  const bytes = new TextEncoder().encode(own);
  const [length] = await group.broadcast([Float64Array.of(bytes.length)]);
  const [shared] = await group.broadcast([group.rank === 0 ? bytes : new Uint8Array(length[0])]);
  return new TextDecoder().decode(shared);
}
