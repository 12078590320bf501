import { describe, expect, it } from "vitest";
import { ConfigError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { denoiserOf } from "../denoiser.ts";
import { linear, vp } from "../discrete-vp.ts";
import { pathFrom } from "../path.ts";
import { ddim } from "../solvers/ddim.ts";
import { solve } from "../solvers/solver.ts";
import { gaussianBatchDenoiser, gaussianFlow, gaussianSample } from "../testing/gaussian-batch.ts";
import { firstWeight, progressiveTarget, studentStep } from "./progressive.ts";

const data = { mean: 0.3, std: 0.5 };
const paths = [pathFrom({ name: "continuousCosine" }), pathFrom({ name: "straightLine" })];

describe.each(paths.map((path) => ({ name: path.name, path })))("progressive target on $name", ({ path }) => {
  const teacher = gaussianBatchDenoiser(data, path);
  const N = 4;
  const steps = Array.from({ length: N }, (_, i) => studentStep(path, N, i));
  const z = Random.from(1).normals(2 * N);

  it("is the published formula", async () => {
    const target = await progressiveTarget(teacher, z, steps);
    for (const [n, { from, middle, to }] of steps.entries()) {
      for (const i of [2 * n, 2 * n + 1]) {
        // Two DDIM steps in float64, then algorithm 2's target.
        let x = z[i];
        for (const [at, next] of [
          [from, middle],
          [middle, to],
        ]) {
          const sample = gaussianSample(data, x, at);
          x = next.alpha * sample + next.sigma * ((x - at.alpha * sample) / at.sigma);
        }
        const ratio = to.sigma / from.sigma;
        expect(target[i]).toBeCloseTo((x - ratio * z[i]) / (to.alpha - ratio * from.alpha), 5);
      }
    }
  });

  it("ends with the teacher's last prediction", async () => {
    expect(firstWeight(steps[0])).toBe(0);
    const { middle, from } = steps[0];
    const [target] = await progressiveTarget(teacher, Float32Array.of(0.7), [steps[0]]);
    const sample = gaussianSample(data, 0.7, from);
    const stop = middle.alpha * sample + middle.sigma * ((0.7 - from.alpha * sample) / from.sigma);
    expect(target).toBeCloseTo(gaussianSample(data, stop, middle), 6);
  });

  it("makes a student whose N steps of DDIM are the teacher's 2N", async () => {
    const student = denoiserOf(
      async (x, networkTime) => {
        const t = networkTime / path.at(1).networkTime;
        return progressiveTarget(teacher, x, [studentStep(path, N, Math.round(t * N) - 1)]);
      },
      path,
      "sample",
    );
    const perfect = denoiserOf(
      async (x, networkTime) =>
        x.map((value) => gaussianSample(data, value, path.at(networkTime / path.at(1).networkTime))),
      path,
      "sample",
    );
    const request = { shape: [8, 4], seed: 2 };
    const images = await solve(ddim({ steps: N, clip: false }), student, request);
    const expected = await solve(ddim({ steps: 2 * N, clip: false }), perfect, request);
    for (const [i, value] of expected.entries()) expect(images[i]).toBeCloseTo(value, 5);
  });

  it("tends to the flow's own average direction as the teacher's steps become short", async () => {
    // With exact steps x̃ is what leads from z to the flow's point at t''; two DDIM steps err by O(1/N²) of O(1/N).
    const error = async (count: number) => {
      const step = studentStep(path, count, count / 2 - 1);
      const [found] = await progressiveTarget(teacher, Float32Array.of(0.7), [step]);
      const end = gaussianFlow(data, 0.7, step.from, step.to);
      const ratio = step.to.sigma / step.from.sigma;
      return Math.abs(found - (end - ratio * 0.7) / (step.to.alpha - ratio * step.from.alpha));
    };
    const order = Math.log2((await error(4)) / (await error(8)));
    expect(order).toBeGreaterThan(0.8);
    expect(order).toBeLessThan(1.3);
  });
});

it("asks the teacher twice, whatever the batch", async () => {
  const teacher = gaussianBatchDenoiser(data, paths[0]);
  await progressiveTarget(
    teacher,
    new Float32Array(6),
    [0, 1, 2].map((i) => studentStep(paths[0], 4, i)),
  );
  expect(teacher.asked()).toBe(2);
});

it("refuses discrete time and steps that do not exist", () => {
  expect(() => studentStep(vp(linear()), 4, 0)).toThrow(/continuous time, and the path linear has 1000/);
  expect(() => studentStep(paths[0], 4, 4)).toThrow(ConfigError);
  expect(() => studentStep(paths[0], 0, 0)).toThrow(/0 steps has no step 0/);
});
