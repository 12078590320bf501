import { describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import {
  choice,
  clipLimit,
  flag,
  integer,
  lookUp,
  makeFrom,
  optional,
  readOptions,
  real,
  withDefault,
} from "./options.ts";

const fields = {
  steps: integer(1, 10),
  eta: withDefault(real(0, 1), 0),
  clip: optional(clipLimit()),
  fast: withDefault(flag(), true),
};

describe("readOptions", () => {
  it("fills in defaults and leaves out what is absent", () => {
    expect(readOptions("s", fields, { steps: 3 })).toEqual({ steps: 3, eta: 0, fast: true });
    expect(readOptions("s", fields, { steps: 3, eta: undefined, clip: false })).toEqual({
      steps: 3,
      eta: 0,
      clip: false,
      fast: true,
    });
  });

  it.each([
    [{}, "s: steps is missing; it must be an integer from 1 to 10"],
    [{ steps: 0 }, "s: steps must be an integer from 1 to 10, not 0"],
    [{ steps: 2.5 }, "not 2.5"],
    [{ steps: "3" }, 'not "3"'],
    [{ steps: 3, eta: Number.NaN }, "s: eta must be a finite number from 0 to 1, not NaN"],
    [{ steps: 3, eta: null }, "not null"],
    [{ steps: 3, clip: 0 }, "s: clip must be a finite number above 0, or false, not 0"],
    [{ steps: 3, fast: 1 }, "true or false, not 1"],
    [{ stesp: 3 }, 's: unknown option "stesp". Did you mean steps?'],
    [null, "must be an object"],
    [[3], "must be an object of steps, eta"],
  ])("refuses %j", (given, message) => {
    expect(() => readOptions("s", fields, given)).toThrow(ConfigError);
    expect(() => readOptions("s", fields, given)).toThrow(message);
  });
});

describe("lookUp and makeFrom", () => {
  const registry = { ddim: (options: { eta?: number }) => options.eta ?? 0, ddpm: () => 1 };

  it("finds by own name only", () => {
    expect(lookUp("solver", registry, "ddim")).toBe(registry.ddim);
    expect(() => lookUp("solver", registry, "dimm")).toThrow('unknown solver "dimm". Did you mean ddim');
    expect(() => lookUp("solver", registry, "toString")).toThrow(ConfigError);
    expect(() => lookUp("solver", registry, 3)).toThrow("must be one of ddim, ddpm, not 3");
  });

  it("passes the other fields to the factory", () => {
    expect(makeFrom("solver", registry, { name: "ddim", eta: 0.5 })).toBe(0.5);
    expect(() => makeFrom("solver", registry, "ddim")).toThrow(ConfigError);
  });

  it("describes a choice", () => {
    expect(choice("a", "b").expected).toBe('"a" or "b"');
  });
});
