import { expect, test } from "vitest";
import { ConfigError, ShapeError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { pathFrom } from "../path.ts";
import { solverFrom } from "../solvers/registry.ts";
import { solve } from "../solvers/solver.ts";
import { pairsDenoiser } from "../testing/gaussian-pairs.ts";
import { knowing } from "./known-part.ts";

const path = pathFrom({ name: "straightLine" });
const R = 0.9;
const pairDenoiser = () => pairsDenoiser(R, path);

/** Where the probability-flow equation takes b from t = 1 to 0 beside a(t) = (1 - t) known + t eps, by Runge and Kutta. */
function flowBeside(known: number, eps: number, start: number): number {
  const velocity = (t: number, b: number) => {
    const a = (1 - t) * known + t * eps;
    const gain = (variance: number) => 1 / ((1 - t) ** 2 * variance + t * t);
    const [s, d, gs, gd] = [(a + b) / 2, (a - b) / 2, gain(1 + R), gain(1 - R)];
    const x0 = (1 - t) * ((1 + R) * gs * s - (1 - R) * gd * d);
    return t * (gs * s - gd * d) - x0; // E[eps - x0 | x] of the second number
  };
  const parts = 4000;
  const h = -1 / parts;
  let b = start;
  for (let i = 0; i < parts; i++) {
    const t = 1 + i * h;
    const k1 = velocity(t, b);
    const k2 = velocity(t + h / 2, b + (h / 2) * k1);
    const k3 = velocity(t + h / 2, b + (h / 2) * k2);
    const k4 = velocity(t + h, b + h * k3);
    b += (h / 6) * (k1 + 2 * k2 + 2 * k3 + k4);
  }
  return b;
}

const normals = (length: number) => {
  const values = new Float32Array(length);
  Random.from(7, "test").fillNormal(values);
  return values;
};

test("what is drawn beside a known number follows the probability-flow equation of the pair", async () => {
  const pairs = 8;
  const [start, noise] = [normals(2 * pairs), normals(4 * pairs).slice(2 * pairs)];
  const known = Float32Array.from({ length: 2 * pairs }, (_, i) => (i % 2 === 0 ? 1.5 - i / 5 : 0));
  const drawn = Uint8Array.from({ length: 2 * pairs }, (_, i) => i % 2);
  const denoiser = knowing(pairDenoiser(), { known, drawn, noise });
  const solver = solverFrom("flowHeun", { steps: 300 });
  const x = await solve(solver, denoiser, { shape: [pairs, 2], seed: 0, initial: start });
  for (let n = 0; n < pairs; n++) {
    expect(Math.abs(x[2 * n] - known[2 * n])).toBeLessThan(1e-4);
    expect(Math.abs(x[2 * n + 1] - flowBeside(known[2 * n], noise[2 * n], start[2 * n + 1]))).toBeLessThan(0.01);
  }
});

test("with nothing known nothing changes; with all known the images come back", async () => {
  const shape = [3, 2];
  const known = Float32Array.of(0.5, -0.25, 1, 0, -1, 0.75);
  const options = { shape, seed: 5 };
  const ddim = solverFrom("ddim", { steps: 20, clip: false });
  const plain = await solve(ddim, pairDenoiser(), options);
  const open = knowing(pairDenoiser(), { known, drawn: new Uint8Array(6).fill(1), noise: normals(6) });
  expect(await solve(ddim, open, options)).toEqual(plain);
  const closed = knowing(pairDenoiser(), { known, drawn: new Uint8Array(6), noise: normals(6) });
  const back = await solve(ddim, closed, options);
  back.forEach((value, i) => {
    expect(Math.abs(value - known[i])).toBeLessThan(1e-5);
  });
});

test("arrays that do not fit, and masks that are none", async () => {
  const part = { known: new Float32Array(4), drawn: new Uint8Array(4), noise: new Float32Array(4) };
  expect(() => knowing(pairDenoiser(), { ...part, drawn: new Uint8Array(3) })).toThrow(ShapeError);
  expect(() => knowing(pairDenoiser(), { ...part, drawn: [0, 1, 0.5, 1] })).toThrow(ConfigError);
  await expect(knowing(pairDenoiser(), part).denoise(new Float32Array(2), 0.5)).rejects.toThrow(/x holds 2 values/);
});
