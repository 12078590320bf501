/**
 * A run as it is written: every line once and in order, whatever happens to the connection or the run.
 */
import { appendFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openMetrics } from "../train/index.node.ts";
import { markTraining } from "../train/training-mark.node.ts";
import { type Server, startServer } from "./server.ts";
import { ask, type Event, type Events, follow, lineOf, openSite, type Site } from "./testing/site.ts";

let site: Site;
let server: Server;
let folder: string;
let training: AsyncDisposable;
let name: string;
let count = 0;
beforeAll(async () => {
  site = await openSite();
  server = await startServer({ root: site.root, runs: site.runs });
});
afterAll(async () => {
  await server.close();
  await site.remove();
});
beforeEach(async () => {
  name = `run-${count++}`;
  folder = await site.run(name);
  training = await markTraining(folder);
});
afterEach(() => training[Symbol.asyncDispose]());

const metrics = () => join(folder, "metrics.jsonl");
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const kinds = (events: readonly Event[]) => events.map(({ event }) => event);
const stepsSeen = (events: Events, last: number) => events.until(() => events.steps.at(-1) === last);
const end = () => training[Symbol.asyncDispose]();

describe("the lines", () => {
  it("are those so far, then new ones, then the end", async () => {
    await site.train(name, 1, 2, 3);
    const events = await follow(server.url, name);
    await stepsSeen(events, 3);
    await site.train(name, 4);
    await stepsSeen(events, 4);
    await site.train(name, 5, 6);
    await end();
    await events.ended;
    expect(events.steps).toEqual(range(1, 6));
    expect(events.all.filter(({ event }) => event === "metrics").flatMap(({ data }) => data)[3]).toEqual({
      step: 4,
      loss: 1 / 4,
      seconds: 4 / 8,
    });
    expect(kinds(events.all).at(-1)).toBe("end");
    expect(kinds(events.all)).not.toContain("reset");
  });

  it("wait until there is a file, and until a line is whole", async () => {
    const events = await follow(server.url, name);
    const [line, half] = [lineOf(1), lineOf(2).slice(0, 9)];
    await appendFile(metrics(), line + half);
    await stepsSeen(events, 1);
    await new Promise((resolve) => setTimeout(resolve, 600)); // two looks at the file
    expect(events.steps).toEqual([1]);
    await appendFile(metrics(), lineOf(2).slice(9));
    await stepsSeen(events, 2);
    events.leave();
  });

  it("may be many, and long ones", async () => {
    const padded = `${JSON.stringify({ step: 1, text: "é".repeat(400_000) })}\n`;
    await appendFile(metrics(), padded + range(2, 20_000).map(lineOf).join(""));
    await end();
    const events = await follow(server.url, name);
    await events.ended;
    expect(events.steps).toEqual(range(1, 20_000));
  });

  it("that are damaged are told of, and those around them come", async () => {
    await appendFile(metrics(), `${lineOf(1)}{"step":2,"lo\n${lineOf(3)}[4]\n${lineOf(5)}`);
    await end();
    const events = await follow(server.url, name);
    await events.ended;
    expect(events.steps).toEqual([1, 3, 5]);
    expect(events.all).toContainEqual({
      id: expect.any(String),
      event: "fault",
      data: { error: expect.stringMatching(/metrics\.jsonl holds a line that is no JSON object: {"step":2,"lo/) },
    });
  });
});

describe("a lost connection", () => {
  it("goes on from each event on without a gap or a double", async () => {
    for (const from of range(0, 9)) await site.train(name, ...range(from * 5 + 1, from * 5 + 5));
    const whole = await follow(server.url, name);
    await stepsSeen(whole, 50);
    await site.train(name, 51);
    await stepsSeen(whole, 51);
    await site.train(name, 52, 53);
    await stepsSeen(whole, 53);
    whole.leave();
    await whole.ended;
    await end();
    const seen: number[] = [];
    for (const { id, data } of whole.all.filter(({ event }) => event === "metrics")) {
      seen.push(...(data as { step: number }[]).map(({ step }) => step));
      const rest = await follow(server.url, name, id);
      await rest.ended;
      expect([...seen, ...rest.steps]).toEqual(range(1, 53));
      expect(kinds(rest.all)).not.toContain("reset");
    }
  });

  it("of a reader that leaves a hundred times loses nothing", async () => {
    const writing = (async () => {
      for (const step of range(1, 200)) {
        await site.train(name, step);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await end();
    })();
    const seen: number[] = [];
    let last: Event | undefined;
    for (let i = 0; last?.event !== "end"; i++) {
      const events = await follow(server.url, name, last?.id);
      const leave = setTimeout(() => events.leave(), i % 40);
      await events.ended;
      clearTimeout(leave);
      seen.push(...events.steps);
      last = events.all.at(-1) ?? last;
    }
    await writing;
    expect(seen).toEqual(range(1, 200));
  });

  it("of a run that has ended is not opened again", async () => {
    await site.train(name, 1);
    await end();
    const events = await follow(server.url, name);
    await events.ended;
    const again = await follow(server.url, name, events.all.at(-1)!.id);
    expect(again.status).toBe(204);
    await again.ended;
    expect(again.all).toEqual([]);
    const { id } = events.all.find(({ event }) => event === "metrics")!; // it never saw the end
    const rest = await follow(server.url, name, id);
    await rest.ended;
    expect(kinds(rest.all)).toEqual(["end"]);
  });

  it("of a run that ended and goes on is", async () => {
    await site.train(name, 1);
    await end();
    const events = await follow(server.url, name);
    await events.ended;
    training = await markTraining(folder);
    const again = await follow(server.url, name, events.all.at(-1)!.id);
    await site.train(name, 2);
    await stepsSeen(again, 2);
    expect(again.steps).toEqual([2]);
    again.leave();
  });

  it.each(["x", "1", "0//0/", "-1//0//", "1e3//0//", "0//0//%ff", `${"9".repeat(40)}//0//`])(
    "with the id %j is refused",
    async (id) => {
      const answer = await ask(server.url, `/api/runs/${name}/events`, { headers: { "Last-Event-ID": id } });
      expect(answer).toMatchObject({ status: 400, json: { error: expect.stringContaining("Last-Event-ID") } });
    },
  );

  it("with an id of other bytes begins anew", async () => {
    await site.train(name, 1, 2);
    await end();
    for (const id of ["5/0123456789ab/0//", "999999/0123456789ab/0//", "3//0//"]) {
      const events = await follow(server.url, name, id);
      await events.ended;
      expect(kinds(events.all)).toEqual(["reset", "metrics", "end"]);
      expect(events.steps).toEqual([1, 2]);
    }
  });
});

describe("a run that was resumed from an older checkpoint", () => {
  it("is told from the beginning, also to those who were connected", async () => {
    await site.train(name, ...range(1, 80));
    const events = await follow(server.url, name);
    await stepsSeen(events, 80);
    const { id } = events.all.at(-1)!;
    const resumed = await openMetrics(folder, 50); // cuts the lines after step 50
    for (const step of range(51, 90)) await resumed.append({ step, loss: 7 });
    await stepsSeen(events, 90);
    await end();
    await events.ended;
    const again = await follow(server.url, name, id);
    await again.ended;
    for (const { all } of [events, again]) {
      const after = all.slice(kinds(all).lastIndexOf("reset"));
      const lines = after.filter(({ event }) => event === "metrics").flatMap(({ data }) => data as { step: number }[]);
      expect(lines.map(({ step }) => step)).toEqual(range(1, 90));
      expect(lines[60]).toEqual({ step: 61, loss: 7 });
    }
  });

  it("goes on where nothing that was sent was cut", async () => {
    await site.train(name, ...range(1, 50));
    const events = await follow(server.url, name);
    await stepsSeen(events, 50);
    await appendFile(metrics(), '{"step":51,"l'); // cut off by a kill
    const resumed = await openMetrics(folder, 50);
    await resumed.append({ step: 51 });
    await stepsSeen(events, 51);
    expect(events.steps).toEqual(range(1, 51));
    events.leave();
  });

  it("is forgotten where its metrics are taken away", async () => {
    await site.train(name, 1);
    const events = await follow(server.url, name);
    await stepsSeen(events, 1);
    await rm(metrics());
    await events.until((all) => all.at(-1)?.event === "reset");
    await site.train(name, 1, 2);
    await stepsSeen(events, 2);
    expect(events.steps).toEqual([1, 1, 2]);
    events.leave();
  });
});

describe("pictures", () => {
  const drawn = (events: readonly Event[]) =>
    events.filter(({ event }) => event === "picture").map(({ data }) => (data as { file: string }).file);
  /** A picture drawn so many seconds after the first. */
  const draw = async (file: string, seconds: number) => {
    await site.write(`runs/${name}/${file}`, file);
    await utimes(join(folder, file), 1_700_000_000 + seconds, 1_700_000_000 + seconds);
  };

  it("come in the order in which they were drawn, each once", async () => {
    await draw("samples/step-000009.png", 1);
    await draw("samples/step-000010.png", 2);
    const events = await follow(server.url, name);
    await events.until((all) => drawn(all).length === 2);
    await draw("samples/step-000020.png", 3);
    await events.until((all) => drawn(all).length === 3);
    await site.write(`runs/${name}/notes.txt`, "no picture");
    await site.write(`runs/${name}/.samples.png.1-1.langevin-tmp`, "half");
    await draw("samples.png", 4);
    await end();
    await events.ended;
    expect(drawn(events.all)).toEqual([
      "samples/step-000009.png",
      "samples/step-000010.png",
      "samples/step-000020.png",
      "samples.png",
    ]);
    expect(events.all.find(({ event }) => event === "picture")!.data).toMatchObject({ changed: 1_700_000_001_000 });
    for (const [i, { id }] of events.all.filter(({ event }) => event === "picture").entries()) {
      const rest = await follow(server.url, name, id);
      await rest.ended;
      expect(drawn(rest.all)).toEqual(drawn(events.all).slice(i + 1));
    }
  });

  it("of the same instant are told apart", async () => {
    for (const file of ["a.png", "b.webp", "c.gif"]) await draw(file, 5);
    await end();
    const events = await follow(server.url, name);
    await events.ended;
    expect(drawn(events.all)).toEqual(["a.png", "b.webp", "c.gif"]);
    const rest = await follow(server.url, name, events.all[1].id);
    await rest.ended;
    expect(drawn(rest.all)).toEqual(["c.gif"]);
  });

  it("that are drawn again come again", async () => {
    await draw("samples.png", 1);
    const events = await follow(server.url, name);
    await events.until((all) => drawn(all).length === 1);
    await rm(join(folder, "samples.png"));
    await draw("samples.png", 2);
    await events.until((all) => drawn(all).length === 2);
    events.leave();
  });
});

describe("the server", () => {
  it("ends the connections of those who watch", async () => {
    const own = await startServer({ root: site.root, runs: site.runs });
    const events = await follow(own.url, name);
    await site.train(name, 1);
    await stepsSeen(events, 1);
    const lost = expect(events.ended).rejects.toThrow();
    await own.close();
    await lost;
  });

  it("tells those who watch the end first, when it has time", async () => {
    const own = await startServer({ root: site.root, runs: site.runs });
    const events = await follow(own.url, name);
    await site.train(name, 1);
    await end();
    const started = Date.now();
    await own.close(5000);
    await events.ended;
    expect(events.steps).toEqual([1]);
    expect(kinds(events.all).at(-1)).toBe("end");
    expect(Date.now() - started).toBeLessThan(2000);
  });

  it("answers HEAD without the events", async () => {
    const answer = await ask(server.url, `/api/runs/${name}/events`, { method: "HEAD" });
    expect(answer).toMatchObject({ status: 200, headers: { "content-type": "text/event-stream; charset=utf-8" } });
  });

  it("says that there is no such run", async () => {
    await writeFile(join(site.runs, "file"), "");
    expect((await ask(server.url, "/api/runs/nowhere/events")).status).toBe(404);
    expect((await ask(server.url, "/api/runs/file/events")).status).toBe(404);
  });
});
