/** Sine and cosine as they are written out for GPUs (`onnx/trigonometry.ts`), on the CPU against JavaScript's own. */
import { Tensor } from "onnxruntime-node";
import { expect, it } from "vitest";
import { Random } from "../../core/random.ts";
import { graphOf } from "../../graph/graph.ts";
import { cos, input, sin } from "../../graph/ops.ts";
import { toOnnx } from "../../onnx/export.ts";
import { createSession } from "./onnxruntime.ts";

it("is right to 1e-6 within a thousand turns", async () => {
  const edges = [0, -0, Math.PI, -Math.PI, Math.PI / 2, 1000, -1000, 6283, 1e-20];
  const values = Float32Array.from([
    ...edges,
    ...Random.from(1)
      .normals(2000)
      .map((value) => value * 800),
  ]);
  const x = input("x", [values.length]);
  const bytes = toOnnx(graphOf({ sine: sin(x), cosine: cos(x) }), {}, { ownSine: true });
  const session = await createSession({ device: "cpu", bytes, threads: 1 });
  const { sine, cosine } = await session.run({ x: new Tensor("float32", values, [values.length]) });
  await session.release();
  values.forEach((value, i) => {
    expect(Math.abs((sine.data[i] as number) - Math.sin(value)), `sin ${value}`).toBeLessThan(1e-6);
    expect(Math.abs((cosine.data[i] as number) - Math.cos(value)), `cos ${value}`).toBeLessThan(1e-6);
  });
});
