import { describe, expect, it } from "vitest";
import * as z from "zod";
import { parseConfig } from "./config.ts";
import { ConfigError } from "./errors.ts";

const schema = z.strictObject({
  steps: z.int().positive(),
  optimiser: z.strictObject({ beta1: z.number().default(0.9), beta2: z.number().default(0.999) }).optional(),
});

describe("parseConfig", () => {
  it("fills in defaults", () => {
    expect(parseConfig(schema, { steps: 1, optimiser: {} }, "x")).toEqual({
      steps: 1,
      optimiser: { beta1: 0.9, beta2: 0.999 },
    });
  });

  it.each([
    [{ step: 1, steps: 1 }, /^run.json: unknown field step\. Did you mean steps\?$/],
    [{ steps: 1, optimiser: { beta: 0.5 } }, /unknown field optimiser\.beta\. Did you mean beta1, beta2\?/],
    [{ steps: "many" }, /^run.json: steps: expected .*, given "many"$/],
    [{ steps: 0 }, /steps: .*, given 0$/],
    [7, /^run.json: the value: expected object, .*given 7$/],
  ])("says what does not fit in %j", (value, message) => {
    expect(() => parseConfig(schema, value, "run.json")).toThrow(ConfigError);
    expect(() => parseConfig(schema, value, "run.json")).toThrow(message);
  });
});
