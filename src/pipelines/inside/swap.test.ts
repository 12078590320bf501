import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { pathFrom } from "../../diffusion/path.ts";
import { ddim } from "../../diffusion/solvers/ddim.ts";
import { heun } from "../../diffusion/solvers/heun.ts";
import { UNet } from "../../models/unet.ts";
import { Weights } from "../../nn/weights.ts";
import { nodeRuntime } from "../../runtime/node/session.ts";
import { sample } from "../sample.ts";
import { type SwapRequest, swapCondition, swapped } from "./swap.ts";
import { furthest, tinyNetwork } from "./testing/tiny.ts";

const path = pathFrom({ name: "linear" });

function requestOf(given: Partial<SwapRequest> = {}): SwapRequest {
  return {
    ...tinyNetwork(),
    objective: { path, prediction: "noise" },
    runtime: nodeRuntime(),
    solver: ddim({ steps: 4, eta: 1 }), // with noise in each step
    seed: 5,
    from: 0,
    to: 1,
    at: [0, 2, 4],
    ...given,
  };
}

async function draw(request: SwapRequest): Promise<Float32Array[]> {
  let last = new Float32Array();
  for await (const { x } of swapCondition(request)) last = x as typeof last;
  return request.at.map((_, i) => last.subarray(i * 64, (i + 1) * 64));
}

describe("swapCondition", () => {
  it.each([1, 2])("at the first step is plain sampling with B, at the last with A (guidance %d)", async (guidance) => {
    const request = requestOf({ guidance });
    const pictures = await draw(request);
    const plain = async (classLabel: number) => (await sample({ ...request, count: 1, classLabel })).images;
    const [a, b] = [await plain(0), await plain(1)];
    expect(furthest(pictures[0], b)).toBeLessThan(1e-4);
    expect(furthest(pictures[2], a)).toBeLessThan(1e-4);
    expect(furthest(a, b)).toBeGreaterThan(1e-2);
    expect(furthest(pictures[1], a)).toBeGreaterThan(1e-3);
    expect(furthest(pictures[1], b)).toBeGreaterThan(1e-3);
  });

  it("shows the denoiser A until step k, in every call of a step", async () => {
    const asked: string[] = [];
    const denoiser = {
      path,
      denoise: async (x: Float32Array, _: unknown, condition?: Record<string, Float32Array | Int32Array>) => {
        asked.push([...condition!.classLabels].join(""));
        return { sample: x, noise: x };
      },
    };
    const condition = (label: number) => ({ classLabels: new Int32Array(3).fill(label) });
    const solver = heun({ steps: 3 }); // two calls a step, one in the last
    for await (const _ of swapped(solver, denoiser, condition(7), condition(9), [0, 1, 3], { shape: [3, 2], seed: 0 }));
    expect(asked).toEqual(["977", "977", "997", "997", "997"]);
  });

  it("refuses what does not fit", async () => {
    const first = (given: Partial<SwapRequest>) => swapCondition(requestOf(given)).next();
    await expect(first({ at: [] })).rejects.toThrow(ConfigError);
    await expect(first({ at: [-1] })).rejects.toThrow(/whole numbers from 0.*-1/);
    await expect(first({ to: 3 })).rejects.toThrow(/0 to 2/);
    const network = new UNet({ ...tinyNetwork().network.config, num_class_embeds: null });
    await expect(first({ network, weights: Weights.initial(network, 0) })).rejects.toThrow(
      /needs a network with classes/,
    );
  });
});
