import { describe, expect, it } from "vitest";
import { DeviceError } from "../../core/errors.ts";
import { availableDevices, checkDevice, devices } from "./devices.ts";
import { nodeRuntime } from "./session.ts";

describe("devices", () => {
  it("always include the CPU", () => {
    expect(availableDevices()).toContain("cpu");
    expect(nodeRuntime().device).toBe("cpu");
    expect(checkDevice("cpu")).toBe("cpu");
  });

  it("that nobody knows are refused with the list of those that are there", () => {
    const there = availableDevices().join(", ");
    expect(() => nodeRuntime("tpu")).toThrow(DeviceError);
    expect(() => nodeRuntime("tpu")).toThrow(`device tpu is no device that langevin knows; this machine has ${there}`);
  });

  const absent = devices.filter((device) => !availableDevices().includes(device));
  it.skipIf(absent.length === 0)("that this build lacks are refused with the same list", () => {
    for (const device of absent) {
      expect(() => nodeRuntime(device)).toThrow(DeviceError);
      expect(() => nodeRuntime(device)).toThrow(
        `device ${device} is not in this build of onnxruntime-node; this machine has ${availableDevices().join(", ")}`,
      );
    }
  });
});
