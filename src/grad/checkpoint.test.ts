import { describe, expect, it } from "vitest";
import { Random } from "../core/random.ts";
import { sizeOf } from "../core/shape.ts";
import { graphOf, inputsOf } from "../graph/graph.ts";
import { add, checkpoint, constant, input, matmul, mean, mul, silu, square } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node/session.ts";
import { evaluate } from "../runtime/reference/session.ts";
import { gradients } from "./gradients.ts";

const WIDTH = 6;

/** A stack of layers of which each reads the one before, a shared side input, and weights of its own. */
function stack(layers: number, wrap: (y: Tensor, from: readonly Tensor[]) => Tensor) {
  const x = input("x", [4, WIDTH]);
  const side = input("side", [4, WIDTH]);
  const weights = Array.from({ length: layers }, (_, i) => input(`w${i}`, [WIDTH, WIDTH]));
  let hidden = x;
  for (const weight of weights) hidden = wrap(add(hidden, silu(mul(matmul(hidden, weight), side))), [hidden, side]);
  const loss = mean(square(hidden));
  const found = gradients(loss, [x, side, ...weights]);
  return graphOf({ loss, ...Object.fromEntries(found.map((gradient, i) => [`gradient${i}`, gradient])) });
}

function feedsOf(graph: ReturnType<typeof stack>) {
  const random = Random.from(1);
  return Object.fromEntries(inputsOf(graph).map(({ name, shape }) => [name, random.normals(sizeOf(shape))]));
}

describe("gradients through checkpoints", () => {
  const plain = stack(5, (y) => y);
  const feeds = feedsOf(plain);

  it.each<[string, (y: Tensor, from: readonly Tensor[]) => Tensor]>([
    ["of each layer", checkpoint],
    ["of each layer, twice", (y, from) => checkpoint(checkpoint(y, from), from)],
    ["that begin at a value which does not lead there", (y) => checkpoint(y, [constant([1, 2])])],
    ["of a value from itself", (y) => checkpoint(y, [y])],
    ["that begin at one of two inputs", (y, [hidden]) => checkpoint(y, [hidden])],
  ])("%s, are those without, to the bit", async (_, wrap) => {
    const graph = stack(5, wrap);
    expect(evaluate(graph, feeds)).toEqual(evaluate(plain, feeds));
    await using session = await nodeRuntime().compile(graph, { threads: 1 });
    await using other = await nodeRuntime().compile(plain, { threads: 1 });
    expect(await session.run(feeds)).toEqual(await other.run(feeds));
  });

  it("of a checkpoint inside of another are those without", () => {
    const graph = stack(4, (y, from) => checkpoint(checkpoint(y, from), [from[0]]));
    const without = stack(4, (y) => y);
    expect(evaluate(graph, feedsOf(without))).toEqual(evaluate(without, feedsOf(without)));
  });
});
