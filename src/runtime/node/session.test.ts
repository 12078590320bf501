import { expect, it } from "vitest";
import { graphOf } from "../../graph/graph.ts";
import { add, input, mul } from "../../graph/ops.ts";
import { nodeRuntime } from "./session.ts";

it("a session leaves the arithmetic of the process alone: denormal numbers survive", async () => {
  await using session = await nodeRuntime().compile(graphOf({ y: add(input("x", [1]), 1) }));
  await session.run({ x: Float32Array.of(1) });
  const tiny = Float64Array.of(1e-310);
  tiny[0] *= 3;
  expect(tiny[0]).toBeGreaterThan(0);
  expect(Number("5e-324")).toBe(Number.MIN_VALUE);
});

it("the number of threads does not change the result of an element-wise graph", async () => {
  const x = Float32Array.from({ length: 100_000 }, (_, i) => Math.sin(i));
  const results = [];
  for (const threads of [1, 2]) {
    await using session = await nodeRuntime().compile(graphOf({ y: mul(add(input("x", [100_000]), 1), 3) }), {
      threads,
    });
    results.push((await session.run({ x })).y);
  }
  expect(results[0]).toEqual(results[1]);
});
