/**
 * An endless stream of shuffled batches, loaded ahead of the consumer, that can be taken up again at any example.
 *
 * Example g of the stream (g = 0, 1, 2 ...) is number g mod size of epoch e = floor(g / size), which visits the data set in the
 * order Random.from(seed, "order", e).permutation(size). Its augmentation draws from Random.from(seed, "augment", g). So
 * the stream is a function of (seed, g) alone: it has no state to save beyond the count of examples, and neither the batch
 * size, nor the number of batches loaded ahead, nor an interruption changes what example g is.
 */
import { DataError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { type Batch, checkWhole, type Dataset } from "./dataset.ts";

export interface BatchesOptions {
  /** Examples in a batch. A batch may straddle two epochs, so every batch is full. */
  batch: number;
  /** Seed of the order and of the augmentation. */
  seed: number;
  /** Examples already consumed: the `next` of the last batch that was used. @default 0 */
  from?: number;
  /** From the first example of a batch to the first of the next one, where others read those between. @default `batch` */
  stride?: number;
  /** Batches that are loaded while the consumer works on one. 0: each is loaded when asked for. @default 2 */
  ahead?: number;
}

export interface StreamedBatch extends Batch {
  /** Place of the batch's first example in the stream: examples consumed before it. */
  position: number;
  /** Where the next batch begins: pass it as `from` to continue after this one. */
  next: number;
  /** Epoch of the first example, from 0. */
  epoch: number;
}

/**
 * Shuffled batches without end.
 *
 * Options are checked at once: a ConfigError for a batch that is not a whole number from 1, a DataError for an empty data
 * set. What the data set raises is thrown at the consumer, at the batch where it happened. `return()`, or leaving a `for await`,
 * waits for the loads under way and starts no more.
 */
export function batches(dataset: Dataset, options: BatchesOptions): AsyncGenerator<StreamedBatch, void, undefined> {
  const { batch, seed, from = 0, stride = batch, ahead = 2 } = options;
  checkWhole("batch", batch, 1);
  checkWhole("from", from, 0);
  checkWhole("stride", stride, batch);
  checkWhole("ahead", ahead, 0);
  checkWhole("seed", seed, 0);
  if (!(dataset.size >= 1)) throw new DataError(`${dataset.name} is empty: there is nothing to make batches of`);
  return stream(dataset, { batch, seed, from, stride, ahead });
}

async function* stream(
  dataset: Dataset,
  { batch, seed, from, stride, ahead }: Required<BatchesOptions>,
): AsyncGenerator<StreamedBatch, void, undefined> {
  const { size } = dataset;
  const augment = Random.from(seed, "augment");
  let orderEpoch = -1;
  let order: Uint32Array = new Uint32Array();
  let position = from;

  /** The index in the data set of example g. */
  function indexOf(g: number): number {
    const epoch = Math.floor(g / size);
    if (epoch !== orderEpoch) {
      order = Random.from(seed, "order", epoch).permutation(size);
      orderEpoch = epoch;
    }
    return order[g % size];
  }

  async function load(start: number): Promise<StreamedBatch> {
    const indices = Array.from({ length: batch }, (_, i) => indexOf(start + i));
    const read = await dataset.read(indices, (i) => augment.fork(start + i));
    const expected = batch * dataset.channels * dataset.height * dataset.width;
    if (read.images.length !== expected) {
      throw new DataError(
        `${dataset.name} read ${read.images.length} values for ${batch} examples instead of ${expected}`,
      );
    }
    return { ...read, position: start, next: start + stride, epoch: Math.floor(start / size) };
  }

  const pending: Promise<StreamedBatch>[] = [];
  const begin = (): Promise<StreamedBatch> => {
    const loading = load(position);
    position += stride;
    loading.catch(() => {}); // it is thrown where it is awaited; until then it is not "unhandled"
    return loading;
  };
  try {
    for (;;) {
      const current = pending.shift() ?? begin();
      while (pending.length < ahead) pending.push(begin());
      yield await current;
    }
  } finally {
    await Promise.allSettled(pending);
  }
}
