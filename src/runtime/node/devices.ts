/**
 * The devices of onnxruntime-node, and which of them this machine has.
 */
import { listSupportedBackends } from "onnxruntime-node";
import { DeviceError } from "../../core/errors.ts";

export const devices = ["cpu", "webgpu", "cuda", "coreml", "dml"] as const;
export type Device = (typeof devices)[number];

/** The devices that the installed onnxruntime-node was built with; whether the hardware is there shows on first use. */
export function availableDevices(): Device[] {
  const built = new Set(
    listSupportedBackends()
      .filter((backend) => backend.bundled)
      .map((backend) => backend.name),
  );
  return devices.filter((device) => built.has(device));
}

/** Raises a DeviceError, with a list of what this machine has, unless `name` is one of its devices. */
export function checkDevice(name: string): Device {
  const available = availableDevices();
  if (!(available as string[]).includes(name)) {
    const known = (devices as readonly string[]).includes(name);
    const reason = known ? "is not in this build of onnxruntime-node" : "is no device that langevin knows";
    throw new DeviceError(`device ${name} ${reason}; this machine has ${available.join(", ")}`);
  }
  return name as Device;
}
