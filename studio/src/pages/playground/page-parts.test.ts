import { type PathName, type PredictionName, pathFrom, paths, predictions, Random, weights } from "langevin/browser";
import { describe, expect, it } from "vitest";
import { EDGE, ledOn, listOf, parseList, pointsOfStrokes, randomStroke } from "./drawn.ts";
import {
  isPath,
  pathFormula,
  pathLine,
  pathOptions,
  playgroundConfig,
  playgroundPath,
  usualPrediction,
} from "./paths.ts";
import { arrowShare, frameOf, halfAt, inPlane, levelsOf, medianLength, placeAt } from "./plane.ts";
import { askedNames, faultOf, predictionLine, usualWeight, weightLine, weightNames } from "./predictions.ts";
import { directionOf, fieldInWords, Ground, pointsInWords } from "./summary.ts";

/** Every tag is closed, in order. */
function expectWellFormed(math: string): void {
  const open: string[] = [];
  for (const [, slash, name] of math.matchAll(/<(\/?)(\w+)[^>]*>/g)) {
    if (slash === "") open.push(name);
    else expect(open.pop()).toBe(name);
  }
  expect(open).toEqual([]);
  for (const [, inner] of math.matchAll(/<(?:mfrac|msub|msup)>(.*?)<\/(?:mfrac|msub|msup)>/g))
    expect(inner).not.toBe("");
}

/** A hint that needs a second line would move what stands below it. */
function expectOneLine(line: string): void {
  expect(line.length).toBeGreaterThan(10);
  expect(line.length).toBeLessThanOrEqual(76);
}

describe("the choices", () => {
  it("are those of the library's registries", () => {
    const left = new Set<string>(["betas"]);
    expect(pathOptions.map(({ value }) => value).sort()).toEqual(
      Object.keys(paths)
        .filter((name) => !left.has(name))
        .sort(),
    );
    expect([...askedNames].sort()).toEqual(
      Object.keys(predictions)
        .filter((name) => name !== "consistency")
        .sort(),
    );
    expect([...weightNames].sort()).toEqual(Object.keys(weights).sort());
    expect(isPath("betas")).toBe(false);
  });

  it("have a line and an equation that is well formed", () => {
    for (const { value } of pathOptions) {
      expectOneLine(pathLine(value));
      expectWellFormed(pathFormula(value).math);
    }
    for (const line of [...askedNames.map(predictionLine), ...weightNames.map(weightLine)]) {
      expectOneLine(line.line);
      expectWellFormed(line.formula.math);
    }
  });

  it("fit together as they usually stand", () => {
    for (const { value } of pathOptions) {
      const prediction = usualPrediction(value);
      expect(faultOf(playgroundConfig(value), prediction, usualWeight(prediction as "noise"))).toBeUndefined();
    }
    expect(faultOf({ name: "cosine", zeroTerminalSnr: true }, "noise", "simple")).toContain("zero terminal SNR");
  });

  /** The equations that stand beside the choice, written out. */
  const closed: Partial<Record<PathName, (u: number) => [alpha: number, sigma: number]>> = {
    straightLine: (u) => [1 - u, u],
    gvp: (u) => [Math.cos((Math.PI / 2) * u), Math.sin((Math.PI / 2) * u)],
    continuousCosine: (u) => [Math.cos((Math.PI / 2) * u), Math.sin((Math.PI / 2) * u)],
    ve: (u) => [1, 0.01 * 500 ** u],
    edm: (u) => [1, 0.002 + u * 9.998],
    continuousVp: (u) => {
      const alpha = Math.exp(-0.25 * u * u * 19.9 - 0.5 * u * 0.1);
      return [alpha, Math.sqrt(1 - alpha * alpha)];
    },
    subVp: (u) => {
      const alpha = Math.exp(-0.25 * u * u * 19.9 - 0.5 * u * 0.1);
      return [alpha, 1 - alpha * alpha];
    },
  };
  it.each(Object.entries(closed))("the equation of %s is that of the path", (name, formula) => {
    const path = playgroundPath(name as "gvp");
    const [from, to] = path.span;
    const [alpha, sigma] = formula(0.37);
    const level = path.at(from + 0.37 * (to - from));
    expect(level.alpha).toBeCloseTo(alpha, 9);
    expect(level.sigma).toBeCloseTo(sigma, 9);
  });

  it("name what they ask for: every prediction of the page is one of the library", () => {
    const known: readonly PredictionName[] = askedNames;
    expect(known).toContain("velocity");
  });
});

describe("drawing points", () => {
  it("leads a stroke on in steps of one length", () => {
    const stroke = ledOn(ledOn([], 0, 0), 0.3, 0.4);
    expect(stroke.length / 2).toBe(1 + Math.floor(0.5 / 0.03));
    for (let i = 2; i < stroke.length; i += 2) {
      expect(Math.hypot(stroke[i] - stroke[i - 2], stroke[i + 1] - stroke[i - 1])).toBeCloseTo(0.03, 9);
    }
    expect(ledOn(stroke, stroke.at(-2)!, stroke.at(-1)!)).toEqual(stroke);
  });

  it("holds what leaves the field at its edge", () => {
    expect(ledOn([], 9, -9)).toEqual([EDGE, -EDGE]);
    expect(Math.max(...pointsOfStrokes([randomStroke(3)]).map(Math.abs))).toBeLessThanOrEqual(EDGE + 1e-6);
  });

  it("draws another random stroke for another number, and the same for the same", () => {
    expect(randomStroke(1)).toEqual(randomStroke(1));
    expect(randomStroke(1)).not.toEqual(randomStroke(2));
    expect(randomStroke(1).length).toBeGreaterThan(40);
  });

  it("reads lists, and says which line is wrong", () => {
    expect(parseList("0.5 -0.2\n\n 1, 1 \n0;0")).toEqual({ points: [0.5, -0.2, 1, 1, 0, 0] });
    expect(parseList(listOf([0.25, -0.1256]))).toEqual({ points: [0.25, -0.126] });
    expect(parseList("0 0\n1")).toMatchObject({ fault: expect.stringContaining("Line 2 is “1”") });
    expect(parseList("0 x")).toMatchObject({ fault: expect.stringContaining("two numbers") });
    expect(parseList("0 1.31")).toMatchObject({ fault: expect.stringContaining("−1.3 to 1.3") });
    expect(parseList(" \n")).toMatchObject({ fault: expect.stringContaining("empty") });
    expect(parseList("0 0\n".repeat(4001))).toMatchObject({ fault: expect.stringContaining("4001") });
  });
});

describe("the plane", () => {
  it("has a window that follows the spread", () => {
    expect(halfAt({ alpha: 1, sigma: 0 })).toBe(1.35);
    expect(halfAt({ alpha: 0, sigma: 1 })).toBe(2.5);
    expect(halfAt({ alpha: 1, sigma: 5 })).toBeCloseTo((2.5 * Math.hypot(0.5, 5)) / Math.hypot(1, 5), 12);
  });

  it("has its places where they are clicked", () => {
    expect(placeAt(0, 0, 200, 2)).toEqual([-2, 2]);
    expect(placeAt(150, 150, 200, 2)).toEqual([1, -1]);
  });

  it("scales every frame by its own level", () => {
    const path = pathFrom({ name: "edm", sigmaMax: 10 });
    const way = {
      frames: 2,
      count: 1,
      of: 1,
      x: Float32Array.of(10, 5, 1, 1),
      sample: new Float32Array(4),
      t: Float64Array.of(10, 0.002),
      steps: Uint32Array.of(0, 1),
    };
    const z = inPlane(way, levelsOf(way, path));
    expect(z[0]).toBeCloseTo(10 / Math.hypot(1, 10), 6);
    expect([...frameOf(way, z, 1)]).toEqual([1, 1]);
  });

  it("draws arrows that grow and stay in their cells", () => {
    const lengths = [0.01, 1, 100].map((length) => arrowShare(length, 1));
    expect([...lengths].sort((a, b) => a - b)).toEqual(lengths);
    expect(lengths[2]).toBeLessThan(0.95);
    expect(medianLength(Float32Array.of(3, 4, 0, 1, 6, 8))).toBe(5);
  });
});

describe("what is seen, in words", () => {
  it("has centre and spread of points", () => {
    expect(pointsInWords(Float32Array.of(1, 0, -1, 0.5))).toBe(
      "2 points about (0.00, 0.25), spread 1.00 across and 0.25 up.",
    );
  });

  it("has the share of points near real ones", () => {
    const real = Random.from(0, "real")
      .normals(400)
      .map((value) => 0.05 * value);
    const ground = new Ground(real);
    expect(ground.share(real)).toBe(1);
    expect(ground.share(Float32Array.of(0, 0, 5, 5))).toBe(0.5);
  });

  it("has the direction of a field by quarters", () => {
    expect(directionOf(1, 0)).toBe("right");
    expect(directionOf(-1, -1)).toBe("lower left");
    expect(directionOf(0, 1)).toBe("top");
    // Everywhere towards the middle: rows go up.
    const field = Float32Array.of(1, 1, -1, 1, 1, -1, -1, -1);
    expect(fieldInWords(field, 2)).toBe(
      "upper left to the lower right, upper right to the lower left, lower left to the upper right, lower right to the upper left",
    );
  });
});
