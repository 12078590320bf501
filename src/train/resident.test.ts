/**
 * A state that stays in the memory of a device, on a device that is made up here: it holds what it is told to keep, and
 * counts. Real ones: `test/browser/runtime.test.ts`.
 */
import { expect, it } from "vitest";
import { ConfigError, NotFiniteError } from "../core/errors.ts";
import type { TensorArray } from "../core/shape.ts";
import { nodeRuntime } from "../runtime/node/session.ts";
import type { DeviceArray, Runtime, Session } from "../runtime/session.ts";
import { tinyData, tinyRun } from "./testing/tiny.ts";
import { type TrainOptions, train } from "./train.ts";

/** Node's runtime, as one with a memory of its own. */
class Device implements Runtime {
  readonly device = "made-up";
  /** Arrays in its memory. */
  held = 0;
  /** Times that the memory was read. */
  reads = 0;
  lost = false;

  async compile(...[graph, options = {}]: Parameters<Runtime["compile"]>): Promise<Session> {
    const session = await nodeRuntime().compile(graph, options);
    const { resident = [] } = options;
    if (resident.length === 0) return session;
    return {
      inputs: session.inputs,
      run: (feeds) => session.run(feeds),
      runKeeping: async (feeds) => {
        const own = Object.entries(feeds).map(([name, feed]) => [name, feed instanceof Held ? feed.array : feed]);
        const all = Object.entries(await session.run(Object.fromEntries(own)));
        const kept = all.filter(([name]) => resident.includes(name));
        return {
          results: Object.fromEntries(all.filter(([name]) => !resident.includes(name))),
          kept: Object.fromEntries(kept.map(([name, array]) => [name, new Held(this, array)])),
        };
      },
      release: () => session.release(),
      [Symbol.asyncDispose]: () => session.release(),
    };
  }
}

class Held implements DeviceArray {
  readonly #device: Device;
  #array?: TensorArray;

  constructor(device: Device, array: TensorArray) {
    this.#device = device;
    this.#array = array;
    device.held++;
  }

  get array(): TensorArray {
    if (!this.#array) throw new Error("read after it was released");
    return this.#array;
  }

  get length(): number {
    return this.array.length;
  }

  async read(): Promise<TensorArray> {
    if (this.#device.lost) throw new Error("the device is lost");
    this.#device.reads++;
    return this.array;
  }

  release(): void {
    expect(this.#array).toBeDefined();
    this.#array = undefined;
    this.#device.held--;
  }
}

async function toTheEnd(options: Partial<TrainOptions>) {
  const training = train(tinyRun(options));
  const losses: number[] = [];
  for await (const tick of training) losses.push(tick.loss);
  return { losses, slabs: training.state().slabs };
}

it("has the losses and the weights of a state that comes back after every step, and is read once", async () => {
  const device = new Device();
  const resident = await toTheEnd({ runtime: device });
  expect(resident).toEqual(await toTheEnd({}));
  // One slab for each of parameters, first, second, average.
  expect(device.reads).toBe(4);
  expect(device.held).toBe(0);
});

it("is fetched in the middle when it is settled, and refused before", async () => {
  const device = new Device();
  const [training, plain] = [train(tinyRun({ runtime: device })), train(tinyRun())];
  const other = plain[Symbol.asyncIterator]();
  for await (const { step } of training) {
    await other.next();
    if (step % 4 !== 0) continue;
    for (const ask of [() => training.state(), () => training.weights, () => training.average]) {
      expect(ask).toThrow(ConfigError);
      expect(ask).toThrow(new RegExp(`step ${step} .*made-up: await training\\.settle\\(\\)`));
    }
    await training.settle();
    expect(training.state().slabs).toEqual(plain.state().slabs);
    expect(training.state().step).toBe(step);
    expect(device.held).toBe(4);
  }
});

it("is there after a loop that was left, and goes on from there", async () => {
  const training = train(tinyRun({ runtime: new Device() }));
  for await (const { step } of training) if (step === 5) break;
  expect(training.state().step).toBe(5);
  for await (const _ of training);
  expect(training.state().slabs).toEqual((await toTheEnd({})).slabs);
});

it("is that of the step before a loss that is not finite", async () => {
  const good = tinyData();
  let reads = 0;
  const data = {
    ...good,
    async read(...asked: Parameters<typeof good.read>) {
      const batch = await good.read(...asked);
      if (++reads === 6) batch.images[0] = Number.NaN;
      return batch;
    },
  };
  const device = new Device();
  const training = train(tinyRun({ runtime: device, data }));
  await expect(async () => {
    for await (const _ of training);
  }).rejects.toThrow(NotFiniteError);
  const plain = train(tinyRun());
  for await (const { step } of plain) if (step === training.step) break;
  expect(training.step).toBeGreaterThan(1);
  expect(training.state().slabs).toEqual(plain.state().slabs);
  expect(device.held).toBe(0);
});

it("is the last one that was fetched where the device is lost, and the error is told", async () => {
  const device = new Device();
  const training = train(tinyRun({ runtime: device }));
  await expect(async () => {
    for await (const { step } of training) {
      if (step === 3) await training.settle();
      if (step === 5) device.lost = true;
    }
  }).rejects.toThrow("the device is lost");
  expect(training.state().step).toBe(3);
  expect(training.state().slabs.parameters[0].every(Number.isFinite)).toBe(true);
});
