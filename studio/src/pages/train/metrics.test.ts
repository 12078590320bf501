import { expect, test } from "vitest";
import { metricsLines } from "./metrics.ts";

test("whole lines are read, one that is being written is not", () => {
  expect(metricsLines('{"step":1,"loss":2}\n{"step":2,"loss":1.5,"seconds":3}\n{"step":3,"lo')).toEqual([
    { step: 1, loss: 2 },
    { step: 2, loss: 1.5, seconds: 3 },
  ]);
  expect(metricsLines("")).toEqual([]);
});

test("a line that is none is named", () => {
  expect(() => metricsLines('{"step":1,"loss":2}\nhello\n')).toThrow(/line 2 of metrics.jsonl is no JSON.*hello/);
  expect(() => metricsLines('{"loss":2}\n')).toThrow(/line 1/);
});
