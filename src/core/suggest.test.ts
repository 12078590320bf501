import { describe, expect, it } from "vitest";
import { didYouMean, editDistance, nearest } from "./suggest.ts";

describe("editDistance", () => {
  // Textbook pairs: Wagner and Fischer 1974; "kitten", "sitting" of Levenshtein's distance.
  it.each([
    ["kitten", "sitting", 3],
    ["saturday", "sunday", 3],
    ["", "abc", 3],
    ["abc", "", 3],
    ["same", "same", 0],
    ["ab", "ba", 2],
  ])("%j to %j is %d", (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });
});

describe("nearest", () => {
  const recipes = ["digits", "ddpm-digits", "ddpm-cifar10", "ddpm-folder"];

  it("puts the closest first", () => {
    expect(nearest("digts", recipes)[0]).toBe("digits");
    expect(nearest("ddpm-digit", recipes)[0]).toBe("ddpm-digits");
  });

  it("ignores case and offers parts of names", () => {
    expect(nearest("DIGITS", recipes)[0]).toBe("digits");
    expect(nearest("cifar10", recipes)).toContain("ddpm-cifar10");
  });

  it("offers at most three, and nothing that is far", () => {
    expect(nearest("ddpm-", recipes).length).toBeLessThanOrEqual(3);
    expect(nearest("zzzzzz", recipes)).toEqual([]);
  });
});

it("didYouMean lists everything where nothing is near", () => {
  expect(didYouMean("wdith", ["width", "height"])).toBe("Did you mean width?");
  expect(didYouMean("zzzzzzzz", ["width", "height"])).toBe("Known: width, height.");
});
