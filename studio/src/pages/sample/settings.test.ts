import { ConfigError } from "langevin/browser";
import { expect, test } from "vitest";
import { bytesFromText, bytesToText, modelOfQuery, type Shown, shownOfQuery, shownToQuery } from "./settings.ts";

const solver = {
  name: "ddim",
  steps: 20,
  eta: 0.5,
  spacing: "trailing",
  clip: 1,
  noiseFromClipped: true,
  stepsOffset: 0,
  setAlphaToOne: true,
} as const;
const a = { solver, seed: 2 ** 40 + 1, guidance: 1.5, classLabel: 7, count: 16 };
const model = { source: "server", name: "a:b c&d" } as const;

const through = (shown: Shown) => {
  const query = shownToQuery(shown, model, "abc");
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return new URLSearchParams(new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString());
};

test.each<Shown>([
  { mode: "draw", a },
  { mode: "draw", a: { ...a, classLabel: undefined } },
  { mode: "compare", a, b: { guidance: 3 } },
  { mode: "compare", a, b: { solver: { ...solver, steps: 5 } } },
  { mode: "between", a, seedTo: 12 },
  { mode: "fill", a, mask: "3.4.5", picture: "AAEC" },
])("settings come back from their link: %j", (shown) => {
  expect(shownOfQuery(through(shown))).toEqual(shown);
  expect(modelOfQuery(through(shown))).toEqual(model);
});

test("a page without settings has none; one that Train links to has a run", () => {
  expect(shownOfQuery(new URLSearchParams("run=digits-2"))).toBeUndefined();
  expect(modelOfQuery(new URLSearchParams("run=digits-2"))).toEqual({ source: "browser", name: "digits-2" });
  expect(modelOfQuery(new URLSearchParams())).toBeUndefined();
});

test.each([
  ["seed", "-1", /seed "-1"; it must be a whole number from 0/],
  ["count", "9999", /count "9999"; it must be a whole number from 1 to 64/],
  ["guidance", "x", /guidance "x"; it must be a number/],
  ["solver", "{", /solver "{"; it must be a solver/],
  ["solver", '{"name":"dddim"}', /ddim/],
  ["mode", "fly", /mode "fly"; it must be one of draw/],
])("a link whose %s is %s is refused", (name, value, message) => {
  const query = through({ mode: "draw", a });
  query.set(name, value);
  expect(() => shownOfQuery(query)).toThrow(ConfigError);
  expect(() => shownOfQuery(query)).toThrow(message);
});

test("bytes come back from their text", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  expect(bytesFromText(bytesToText(bytes))).toEqual(bytes);
  expect(/^[\w-]+$/.test(bytesToText(bytes))).toBe(true);
  expect(bytesFromText("%")).toBeUndefined();
});
