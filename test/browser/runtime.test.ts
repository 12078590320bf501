/**
 * The runtimes of the browser, in a real one: the suite of every runtime, on WebAssembly and on WebGPU (SwiftShader), and
 * twenty steps of training against Node's.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { graphOf, inputsOf } from "../../src/graph/graph.ts";
import { input, neg } from "../../src/graph/ops.ts";
import { toOnnx } from "../../src/onnx/export.ts";
import { targetOf } from "../../src/runtime/browser/session.ts";
import { nodeRuntime } from "../../src/runtime/node/session.ts";
import { runtimeConformance } from "../../src/runtime/testing/conformance.ts";
import { chromiumHere } from "./chromium.ts";
import { encodeArray } from "./pages/runtime/arrays.ts";
import { trainingOn } from "./pages/runtime/training.ts";
import { openRemoteRuntime, type RemoteRuntime } from "./remote-runtime.ts";

const STEPS = 20;

describe.skipIf(!chromiumHere)("in Chromium", () => {
  describe.each([
    // Without wide vectors WebAssembly adds fewer partial sums side by side than Node.
    { device: "wasm", casesPerOp: 12, finiteOnly: false, widths: [32, 64] },
    // SwiftShader compiles a shader for every shape, so fewer graphs are drawn.
    { device: "webgpu", casesPerOp: 1, finiteOnly: true, widths: [8, 16] },
  ] as const)("$device", ({ device, widths, ...drawn }) => {
    let remote: RemoteRuntime;
    beforeAll(async () => {
      remote = await openRemoteRuntime(device, 1);
    }, 120_000);
    afterAll(() => remote?.[Symbol.asyncDispose]());

    runtimeConformance(device, () => remote.runtime, {
      ...drawn,
      tolerance: { relative: 1e-4, ofLargest: 1e-5 },
      ofLongSums: 1e-5,
    });

    it("keeps outputs on a GPU where some are to stay", async () => {
      const x = input("x", [2]);
      const keeps = async (resident?: string[]) => {
        const bytes = encodeArray(toOnnx(graphOf({ y: neg(x) }), {}, targetOf(device)));
        return await remote.call(
          "keeps",
          await remote.call("compile", inputsOf(graphOf({ y: neg(x) })), bytes, { resident }),
        );
      };
      expect([await keeps(), await keeps([]), await keeps(["y"])]).toEqual([false, false, device === "webgpu"]);
    });

    it("trains with the losses of Node", { timeout: 300_000 }, async () => {
      const asked = { steps: STEPS, batch: 2, widths };
      const expected = await trainingOn(asked, nodeRuntime());
      const { losses, average, away } = await remote.call("train", asked);
      expect(losses.length).toBe(STEPS);
      for (const [step, loss] of losses.entries()) {
        const told = `step ${step + 1}: ${loss}, Node ${expected.losses[step]}`;
        expect(Math.abs(loss / expected.losses[step] - 1), told).toBeLessThan(1e-4);
      }
      // A GPU keeps the weights from step to step.
      expect(away).toBe(device === "webgpu");
      const differences = average.map((value, i) => Math.abs(value - expected.average[i]));
      expect(differences.reduce((sum, value) => sum + value) / differences.length).toBeLessThan(1e-5);
    });
  });
});
