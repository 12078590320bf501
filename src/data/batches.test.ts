import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError, DataError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import { batches, type StreamedBatch } from "./batches.ts";
import type { Dataset } from "./dataset.ts";

/** Example i is the number i, and one random number when there are draws. */
function numbers(size: number, hooks: { before?: (indices: number[]) => Promise<void> } = {}): Dataset {
  return {
    name: "numbers",
    size,
    channels: 1,
    height: 1,
    width: 2,
    async read(indices, draws) {
      await hooks.before?.(Array.from(indices));
      const images = Float32Array.from({ length: 2 * indices.length }, (_, i) =>
        i % 2 === 0 ? indices[i / 2] : (draws?.((i - 1) / 2).uniform() ?? -1),
      );
      return { images, labels: Int32Array.from(indices) };
    },
  };
}

async function take(stream: AsyncGenerator<StreamedBatch>, count: number): Promise<StreamedBatch[]> {
  const taken: StreamedBatch[] = [];
  for await (const batch of stream) {
    taken.push(batch);
    if (taken.length === count) break;
  }
  return taken;
}

const examples = (taken: StreamedBatch[]) => taken.flatMap(({ labels }) => [...(labels ?? [])]);
const pixels = (taken: StreamedBatch[]) => taken.flatMap(({ images }) => [...images]);

describe("batches", () => {
  it("visits each epoch in its own order, across the ends of epochs", async () => {
    const taken = await take(batches(numbers(10), { batch: 4, seed: 3 }), 8); // 32 examples: 3 epochs and a bit
    const expected = [0, 1, 2, 3].flatMap((epoch) => [...Random.from(3, "order", epoch).permutation(10)]);
    expect(examples(taken)).toEqual(expected.slice(0, 32));
    expect(taken.map(({ position }) => position)).toEqual([0, 4, 8, 12, 16, 20, 24, 28]);
    expect(taken.map(({ next }) => next)).toEqual([4, 8, 12, 16, 20, 24, 28, 32]);
    expect(taken.map(({ epoch }) => epoch)).toEqual([0, 0, 0, 1, 1, 2, 2, 2]);
  });

  it("gives each example of the stream its own random numbers", async () => {
    const taken = await take(batches(numbers(5), { batch: 3, seed: 8 }), 4);
    const drawn = pixels(taken).filter((_, i) => i % 2 === 1);
    expect(drawn).toEqual(Array.from({ length: 12 }, (_, g) => Random.from(8, "augment", g).uniform()));
  });

  it("continues from any example, with any batch size and any number ahead", async () => {
    const whole = pixels(await take(batches(numbers(7), { batch: 1, seed: 5 }), 60));
    await fc.assert(
      fc.asyncProperty(fc.nat(30), fc.integer({ min: 1, max: 15 }), fc.nat(4), async (from, batch, ahead) => {
        const part = await take(batches(numbers(7), { batch, seed: 5, from, ahead }), 2);
        expect(pixels(part)).toEqual(whole.slice(2 * from, 2 * (from + 2 * batch)));
        expect(part[0].position).toBe(from);
      }),
    );
  });

  it("depends on the seed", async () => {
    const [one, two] = await Promise.all([1, 2].map((seed) => take(batches(numbers(50), { batch: 50, seed }), 1)));
    expect(examples(one)).not.toEqual(examples(two));
    expect(examples(one).sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it.each([0, 1, 3])("loads %i batches ahead, at the same time, and no more", async (ahead) => {
    let started = 0;
    const stream = batches(
      numbers(100, {
        before: async () => {
          started++;
        },
      }),
      { batch: 5, seed: 0, ahead },
    );
    expect(started).toBe(0);
    await stream.next();
    expect(started).toBe(1 + ahead);
    await stream.next();
    expect(started).toBe(2 + ahead);
    await stream.return();
  });

  it("keeps the order when a later batch is read sooner", async () => {
    let call = 0;
    const before = () => new Promise<void>((done) => setTimeout(done, call++ % 3 === 0 ? 20 : 0));
    const slow = await take(batches(numbers(9, { before }), { batch: 2, seed: 1, ahead: 3 }), 6);
    expect(pixels(slow)).toEqual(pixels(await take(batches(numbers(9), { batch: 2, seed: 1 }), 6)));
  });

  it("throws at the batch where reading failed, and not before", async () => {
    const bad = Random.from(0, "order", 0).permutation(20)[9]; // in the third batch of four
    const before = async (indices: number[]) => {
      if (indices.includes(bad)) throw new DataError(`example ${bad} is damaged`);
    };
    const stream = batches(numbers(20, { before }), { batch: 4, seed: 0, ahead: 4 });
    expect((await stream.next()).value?.position).toBe(0);
    await new Promise((done) => setTimeout(done, 5)); // an unhandled rejection would fail the run here
    expect((await stream.next()).value?.position).toBe(4);
    await expect(stream.next()).rejects.toThrow(/is damaged/);
    expect(await stream.next()).toEqual({ value: undefined, done: true });
  });

  it("waits for what is under way when the consumer leaves", async () => {
    let running = 0;
    let started = 0;
    const before = async () => {
      running++;
      started++;
      await new Promise((done) => setTimeout(done, 10));
      running--;
    };
    for await (const batch of batches(numbers(20, { before }), { batch: 4, seed: 0, ahead: 3 })) {
      if (batch.position === 4) break;
    }
    expect([running, started]).toEqual([0, 5]);
    await new Promise((done) => setTimeout(done, 20));
    expect(started).toBe(5);
  });

  it("refuses options and data sets at once", () => {
    for (const batch of [0, -1, 1.5, Number.NaN]) {
      expect(() => batches(numbers(5), { batch, seed: 0 })).toThrow(ConfigError);
      expect(() => batches(numbers(5), { batch, seed: 0 })).toThrow(
        `batch must be a whole number from 1, not ${batch}`,
      );
    }
    expect(() => batches(numbers(5), { batch: 1, seed: -1 })).toThrow(/seed must be/);
    expect(() => batches(numbers(5), { batch: 1, seed: 0, from: -1 })).toThrow(/from must be/);
    expect(() => batches(numbers(5), { batch: 1, seed: 0, ahead: 0.5 })).toThrow(/ahead must be/);
    expect(() => batches(numbers(0), { batch: 1, seed: 0 })).toThrow(DataError);
  });

  it("refuses a data set that reads too little", async () => {
    const broken: Dataset = { ...numbers(5), read: async () => ({ images: new Float32Array(3) }) };
    await expect(batches(broken, { batch: 2, seed: 0 }).next()).rejects.toThrow(
      /read 3 values for 2 examples instead of 4/,
    );
  });
});
