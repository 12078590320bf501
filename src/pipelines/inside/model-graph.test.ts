import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { convGeometry, transposeGeometry } from "../../graph/geometry.ts";
import { topological } from "../../graph/graph.ts";
import { add, conv, exp, input, matmul, reshape } from "../../graph/ops.ts";
import { loadModel } from "../../train/model-folder.node.ts";
import { bytesAlive, multiplyAdds } from "./graph-costs.ts";
import { flatten, modelGraph } from "./model-graph.ts";

describe("multiplyAdds", () => {
  it("of convolutions and products are their closed formulas", () => {
    const geometry = convGeometry([8, 6], [3, 3], { stride: 2, padding: 1 }); // 4 × 3 outputs
    const grouped = conv(input("x", [2, 8, 6, 4]), input("w", [9, 2, 10]), geometry, 2);
    expect(multiplyAdds(grouped)).toBe(2 * 12 * 9 * 2 * 10);
    const back = conv(input("x", [2, 4, 3, 4]), input("w", [9, 4, 5]), transposeGeometry(geometry), 1);
    expect(multiplyAdds(back)).toBe(2 * 12 * 9 * 4 * 5);
    expect(multiplyAdds(matmul(input("a", [3, 5, 7]), input("b", [7, 11])))).toBe(3 * 5 * 7 * 11);
    expect(multiplyAdds(exp(input("a", [3])))).toBe(0);
  });
});

describe("bytesAlive", () => {
  it("frees each value after its last reader, and a reshape is its input", () => {
    const x = input("sample", [10]);
    const a = exp(x);
    const b = exp(reshape(a, [2, 5]));
    const y = add(b, reshape(a, [2, 5]));
    const alive = bytesAlive(topological([y]), [y]);
    expect([x, a, b, y].map((node) => alive.get(node)! / 40)).toEqual([1, 2, 2, 3]);
  });
});

describe("the shipped digits model", async () => {
  const { network } = await loadModel("assets/digits");
  const tree = modelGraph(network);
  const parts = new Map(flatten(tree).map((part) => [part.path, part]));
  const at = (path: string) => parts.get(path)!;

  it("has the parameters of its file", async () => {
    const index = JSON.parse(await readFile("assets/digits/diffusion_pytorch_model.safetensors.index.json", "utf8"));
    expect(tree.parameters).toBe(index.metadata.total_size / 4);
    expect(tree.parameters).toBe(tree.parts.reduce((sum, part) => sum + part.parameters, 0));
    expect(at("conv_in").parameters).toBe(9 * 4 * 32 + 32);
  });

  it("is in the order of the computation, by the names of the file", () => {
    const names = tree.parts.map(({ name }) => name).filter((name) => !name.includes("embedding"));
    expect(names).toEqual([
      "conv_in",
      "down_blocks.0",
      "down_blocks.1",
      "mid_block",
      "up_blocks.0",
      "up_blocks.1",
      "conv_norm_out",
      "conv_out",
    ]);
    expect(at("mid_block").parts.map(({ name, kind }) => `${name}: ${kind}`)).toEqual([
      "resnets.0: residual block",
      "attentions.0: attention",
      "resnets.1: residual block",
    ]);
    expect(at("mid_block.attentions.0").shape).toEqual([64, 7, 7]);
    expect(at("up_blocks.0.upsamplers.0").kind).toBe("twice the size");
    expect(tree.shape).toEqual([1, 28, 28]);
  });

  it("multiplies and adds by the closed formulas, and as much as its parts", () => {
    expect(at("conv_in").multiplyAdds).toBe(14 * 14 * 9 * 4 * 32);
    expect(at("down_blocks.0.downsamplers.0").multiplyAdds).toBe(7 * 7 * 9 * 32 * 32);
    // Four projections of 49 positions, and Q Kᵀ and P V over all pairs.
    expect(at("mid_block.attentions.0").multiplyAdds).toBe(4 * 49 * 64 * 64 + 2 * 49 * 49 * 64);
    for (const part of flatten(tree)) {
      if (part.parts.length === 0 || part.kind === "attention") continue;
      expect(part.multiplyAdds).toBe(part.parts.reduce((sum, { multiplyAdds }) => sum + multiplyAdds, 0));
    }
    expect(modelGraph(network, 3).multiplyAdds).toBe(3 * tree.multiplyAdds);
  });

  it("keeps and holds memory", () => {
    expect(at("conv_in").writtenBytes).toBe(2 * 4 * 14 * 14 * 32); // the products, and those with the bias added
    for (const part of flatten(tree)) {
      for (const inner of part.parts) expect(part.peakBytes).toBeGreaterThanOrEqual(inner.peakBytes);
      const inner = part.parts.reduce((sum, { writtenBytes }) => sum + writtenBytes, 0);
      expect(part.writtenBytes).toBeGreaterThanOrEqual(inner);
    }
    expect(tree.peakBytes).toBeLessThan(tree.writtenBytes / 5);
  });
});
