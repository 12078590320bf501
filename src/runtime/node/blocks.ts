/**
 * The block of the CPU's blocked convolutions, found by trying: a tiny convolution whose result is known is run with
 * blocks of 16 and of 8 channels. What fails or computes something else is not used.
 */
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { convGeometry } from "../../graph/geometry.ts";
import { graphOf } from "../../graph/graph.ts";
import { conv, input } from "../../graph/ops.ts";
import { toOnnx } from "../../onnx/export.ts";

const CHANNELS = 32;
const SIDE = 3;

let found: Promise<number | undefined> | undefined;

/** Channels of a block (16 or 8), or undefined where the CPU has no blocked convolutions. Probed once for a process. */
export function convBlock(): Promise<number | undefined> {
  found ??= probe();
  return found;
}

async function probe(): Promise<number | undefined> {
  for (const block of [16, 8]) if (await computes(block)) return block;
  return undefined;
}

async function computes(block: number): Promise<boolean> {
  const geometry = convGeometry([SIDE, SIDE], [3, 3], { padding: 1 });
  const x = input("x", [1, SIDE, SIDE, CHANNELS]);
  const w = input("w", [9, CHANNELS, CHANNELS]);
  const bytes = toOnnx(graphOf({ y: conv(x, w, geometry) }), {}, { convBlock: block });
  // Different numbers everywhere, so that a channel or a tap in a wrong place shows.
  const image = Float32Array.from({ length: SIDE * SIDE * CHANNELS }, (_, i) => Math.sin(i));
  const kernel = Float32Array.from({ length: 9 * CHANNELS * CHANNELS }, (_, i) => Math.cos(i));
  try {
    const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 4 });
    const { y } = await session.run({
      x: new OrtTensor("float32", image, x.shape as number[]),
      w: new OrtTensor("float32", kernel, w.shape as number[]),
    });
    await session.release();
    return centre(image, kernel).every((value, output) => {
      return Math.abs(value - (y.data as Float32Array)[4 * CHANNELS + output]) < 1e-3;
    });
  } catch {
    return false;
  }
}

/** The result at the middle position, where all nine taps read the image: Σ over taps and channels. */
function centre(image: Float32Array, kernel: Float32Array): Float64Array {
  const result = new Float64Array(CHANNELS);
  for (let row = 0; row < 9 * CHANNELS; row++) {
    for (let output = 0; output < CHANNELS; output++) result[output] += image[row] * kernel[row * CHANNELS + output];
  }
  return result;
}
