import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { graphOf } from "../../graph/graph.ts";
import { Patched } from "../../models/patched.ts";
import { Weights } from "../../nn/weights.ts";
import { nodeRuntime } from "../../runtime/node/session.ts";
import type { Runtime } from "../../runtime/session.ts";
import { isWithin } from "./model-graph.ts";
import { cutOut, partTimes } from "./part-times.ts";
import { traceWatched } from "./places.ts";
import { furthest, tinyNetwork } from "./testing/tiny.ts";

const { network, weights } = tinyNetwork();
const runtime = nodeRuntime();

describe("cutOut", () => {
  it.each(["conv_in", "down_blocks.1", "mid_block.attentions.0", "up_blocks.0", "time_embedding"])(
    "%s, fed with what the whole has there, gives what the whole gives",
    async (path) => {
      const { output } = traceWatched(network, weights.constants(), 2);
      const { graph, inputs, outputs } = cutOut(output, (node) => isWithin(node, path));
      const whole = graphOf({ ...Object.fromEntries(inputs), ...Object.fromEntries(outputs) });
      const fedWhole = {
        sample: Random.from(3).normals(2 * 64),
        timestep: Float32Array.of(100, 900),
        class_labels: Int32Array.of(1, 2),
      };
      const needed = path === "conv_in" ? { sample: fedWhole.sample } : fedWhole;
      const { timestep } = fedWhole;
      await using one = await runtime.compile(whole);
      const all = await one.run(path === "time_embedding" ? { timestep } : needed);
      await using alone = await runtime.compile(graph);
      const found = await alone.run(Object.fromEntries([...inputs.keys()].map((name) => [name, all[name]])));
      expect(Object.keys(found)).toEqual([...outputs.keys()]);
      for (const name of outputs.keys()) expect(furthest(found[name], all[name])).toBeLessThan(1e-5);
    },
  );
});

describe("partTimes", () => {
  /** A runtime that counts, and whose clock goes on by given milliseconds at each run. */
  function counting(ticks: number[]) {
    let clock = 0;
    let runs = 0;
    const counted: Runtime = {
      ...runtime,
      compile: async (graph, options) => {
        const session = await runtime.compile(graph, options);
        return {
          inputs: session.inputs,
          run: (feeds) => {
            clock += ticks[runs++ % ticks.length];
            return session.run(feeds);
          },
          release: () => session.release(),
          [Symbol.asyncDispose]: () => session.release(),
        };
      },
    };
    return { runtime: counted, now: () => clock };
  }

  it("are medians, without the first runs", async () => {
    const found = [];
    const paths = ["", "mid_block"];
    for await (const time of partTimes({ network, weights, paths, runs: 4, ...counting([100, 90, 80, 5, 1, 3, 9]) }))
      found.push(time);
    expect(found).toEqual(paths.map((path) => ({ path, ms: 4, least: 1, most: 9 })));
  });

  it("know parts inside of patches by the names of the files", async () => {
    const outer = new Patched(network, 1);
    const inPatches = { network: outer, weights: Weights.initial(outer, 0) };
    for await (const { ms } of partTimes({ ...inPatches, runtime, paths: ["", "mid_block.resnets.0"], runs: 1 })) {
      expect(ms).toBeGreaterThan(0);
    }
  });

  it("refuse a part that is not there, and stop", async () => {
    const next = (given: object) => partTimes({ network, weights, runtime, paths: ["mid_blok"], ...given }).next();
    await expect(next({})).rejects.toThrow(ConfigError);
    await expect(next({})).rejects.toThrow(/no part "mid_blok".*mid_block/);
    await expect(next({ runs: 0 })).rejects.toThrow(/runs must be a whole number/);
    await expect(next({ signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
  });
});
