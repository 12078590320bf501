/**
 * The calls to onnxruntime-node: everything that a thread needs to run a model.
 *
 * Memory pattern off: measured to halve the peak of a training step. Short spinning: threads that wait a moment for the
 * next op before they sleep make a step some percent faster, and do not yet suffer from other programs. Denormals are kept: onnxruntime would switch them off for the whole calling thread, JavaScript's own
 * arithmetic included. Outputs are fresh arrays that the next step adopts as feeds; nothing is preallocated.
 */
import { InferenceSession, Tensor } from "onnxruntime-node";
import { DeviceError } from "../../core/errors.ts";
import type { TensorArray } from "../../core/shape.ts";
import type { GraphInput } from "../../graph/graph.ts";
import type { CompileOptions, Feeds, Results } from "../session.ts";
import { availableDevices, type Device } from "./devices.ts";

const SPIN_MICROSECONDS = "20";

export interface SessionPlan {
  device: Device;
  /** An ONNX model. */
  bytes: Uint8Array;
  threads: number;
  preparation?: CompileOptions["preparation"];
}

/** Raises a DeviceError, with the other devices of this machine, when the device refuses the model. */
export async function createSession({ device, bytes, threads, preparation }: SessionPlan): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(bytes, {
      executionProviders: [device],
      graphOptimizationLevel: preparation === "quick" ? "disabled" : "all",
      intraOpNumThreads: threads,
      enableMemPattern: false,
      logSeverityLevel: 3,
      extra: { "session.intra_op.allow_spinning": "1", "session.intra_op.spin_duration_us": SPIN_MICROSECONDS },
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (device === "cpu") throw error;
    const others = availableDevices().filter((other) => other !== device);
    throw new DeviceError(`device ${device} cannot be used here (${message}); try ${others.join(" or ")}`);
  }
}

export async function runSession(
  session: InferenceSession,
  inputs: readonly GraphInput[],
  feeds: Feeds,
): Promise<Results> {
  const tensors: Record<string, Tensor> = {};
  for (const { name, shape, dtype } of inputs) {
    tensors[name] = new Tensor(dtype, feeds[name] as Float32Array, shape as number[]);
  }
  const outputs = await session.run(tensors);
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data as TensorArray]));
}
