/**
 * `langevin studio`, and a training that is watched while it goes on, as child processes: what a browser would see.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunInfo } from "../server/runs.ts";
import { follow } from "../server/testing/site.ts";
import { lastChange, openBrowser, openerOf, studioRoot } from "./studio.ts";
import { openProject, type Project, run } from "./testing/project.ts";

const main = fileURLToPath(new URL("main.ts", import.meta.url));
const tsx = import.meta.resolve("tsx");

let project: Project;
const children: ChildProcess[] = [];
beforeAll(async () => {
  await studioRoot(() => {}); // built here where it is not yet
  project = await openProject();
}, 300_000);
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await project.remove();
});

interface Started {
  child: ChildProcess;
  /** The address that it printed. */
  url: string;
  printed: { out: string; error: string };
  exitCode: Promise<number>;
}

/** Starts a command, and waits for the address that it prints. */
async function start(...args: string[]): Promise<Started> {
  const child = spawn(process.execPath, ["--import", tsx, main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  const printed = { out: "", error: "" };
  const exitCode = once(child, "close").then(([code]) => code as number);
  const url = await new Promise<string>((resolve, reject) => {
    const read = (key: keyof typeof printed) => (data: Buffer) => {
      printed[key] += data;
      const found = /http:\/\/[^/\s]+\//.exec(printed[key]);
      if (found) resolve(found[0]);
    };
    child.stdout.on("data", read("out"));
    child.stderr.on("data", read("error"));
    exitCode.then((code) => reject(new Error(`ended with ${code}: ${printed.error}`)));
  });
  return { child, url, printed, exitCode };
}

const listed = async (url: string) => (await (await fetch(`${url}api/runs`)).json()) as RunInfo[];

/** Waits until a run is listed. */
async function begun(url: string): Promise<RunInfo> {
  for (;;) {
    const [found] = await listed(url);
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const linesOf = async (folder: string) => (await readFile(join(folder, "metrics.jsonl"), "utf8")).trim().split("\n");

describe("studio", () => {
  it("serves the page and the runs, and ends at once", async () => {
    const { child, url, printed, exitCode } = await start("studio", ".", "--no-open", "--port", "0");
    expect(printed.out).toBe(`the studio is at ${url}\n`);
    const page = await fetch(url);
    expect(await page.text()).toContain("<title>langevin studio</title>");
    expect(await listed(url)).toEqual([]);
    const before = Date.now();
    child.kill("SIGINT");
    expect(await exitCode).toBe(0);
    expect(Date.now() - before).toBeLessThan(5000);
  });

  it("is told what is wrong", async () => {
    const blocker = createServer().listen(0, "127.0.0.1");
    await once(blocker, "listening");
    const { port } = blocker.address() as { port: number };
    const cases: [string[], number, RegExp][] = [
      [["--port", String(port)], 2, new RegExp(`port ${port} is in use`)],
      [["--port", "x"], 2, /'--port <n>' argument 'x' is invalid/],
      [["--port", "70000"], 2, /70000/],
      [["nowhere"], 1, /there is no folder nowhere/],
      [["langevin.config.json"], 1, /is a file; give a run folder/],
    ];
    for (const [args, exitCode, error] of cases) {
      const ran = await run("studio", "--no-open", ...args);
      expect(ran).toMatchObject({ exitCode, out: "", error: expect.stringMatching(error) });
    }
    blocker.close();
  });

  it("is as old as the newest file that goes into it", async () => {
    const files = {
      "src/a/b.ts": 5,
      "src/a/b.test.ts": 9,
      "studio/src/App.svelte": 7,
      "studio/node_modules/x/y.js": 9,
    };
    for (const [file, time] of Object.entries(files)) {
      const path = join(project.folder, "repository", file);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, "");
      await utimes(path, time, time);
    }
    expect(lastChange(join(project.folder, "repository"))).toBe(7000);
  });

  it("is opened with the means of each system", async () => {
    expect(openerOf("darwin")).toEqual(["open"]);
    expect(openerOf("linux")).toEqual(["xdg-open"]);
    expect(openerOf("win32")).toEqual(["cmd", "/c", "start", '""']);
    const called: string[][] = [];
    const opened = await openBrowser("http://127.0.0.1:1/", (...call) => {
      called.push(call.flat());
      return spawn(process.execPath, ["-e", ""]);
    });
    expect(opened).toBe(true);
    expect(called).toEqual([[...openerOf(process.platform), "http://127.0.0.1:1/"]]);
    expect(await openBrowser("http://127.0.0.1:1/", () => spawn("/no/such/program", []))).toBe(false);
  });
});

describe("train --studio", () => {
  it("shows the run while it goes on, every line of it, also over lost connections", async () => {
    const args = ["--steps", "1500", "--sample-every", "500", "--no-pictures", "--seed", "2"];
    const { url, printed, exitCode } = await start("train", "toy-flow", "--out", "live", "--studio", ...args);
    expect(printed.error).toContain(`watch it in the studio: ${url}#/train?watch=live\n`);
    expect(await begun(url)).toMatchObject({ name: "live", recipe: "toy-flow", training: true, steps: 1500 });
    const seen: unknown[] = [];
    const pictures: string[] = [];
    let id: string | undefined;
    let connections = 0;
    for (let ended = false; !ended; connections++) {
      const events = await follow(url, "live", id);
      if (connections < 3) {
        const begin = events.all.length;
        await events.until((all) => all.length > begin + 1);
        events.leave();
      }
      await events.ended;
      for (const { event, data, id: next } of events.all) {
        if (event === "metrics") seen.push(...(data as object[]));
        else if (event === "picture") pictures.push((data as { file: string }).file);
        else expect(event).toBe("end");
        ended ||= event === "end";
        id = next;
      }
    }
    expect(await exitCode).toBe(0);
    expect(connections).toBe(4);
    const lines = await linesOf("live");
    expect(lines).toHaveLength(1500);
    expect(seen.map((line) => JSON.stringify(line))).toEqual(lines);
    expect(pictures).toEqual(["samples/step-000500.png", "samples/step-001000.png"]);
    await expect(fetch(url)).rejects.toThrow(); // it went with the training
  });

  it("ends well at Ctrl-C, and says so to those who watch", async () => {
    const args = ["--steps", "50000", "--sample-every", "0"];
    const { child, url, exitCode } = await start("train", "toy-flow", "--out", "stopped", "--studio", ...args);
    await begun(url);
    const events = await follow(url, "stopped");
    await events.until(() => events.steps.length > 50);
    child.kill("SIGINT");
    await events.ended;
    expect(events.all.at(-1)!.event).toBe("end");
    expect(await exitCode).toBe(130);
    const lines = await linesOf("stopped");
    expect(events.steps).toEqual(lines.map((_, i) => i + 1));
  });

  it("of a process that was killed is no longer one that goes on", async () => {
    const { child, url, exitCode } = await start(
      "train",
      "toy-flow",
      "--out",
      "killed",
      "--studio",
      "--steps",
      "50000",
    );
    await begun(url);
    const server = await start("studio", "killed", "--no-open", "--port", "0");
    expect(await listed(server.url)).toMatchObject([{ name: "killed", training: true }]);
    const events = await follow(server.url, "killed");
    await events.until(() => events.steps.length > 50);
    child.kill("SIGKILL");
    await exitCode;
    await events.ended; // this server is another process: it sees that the first is gone
    const whole = (await readFile(join("killed", "metrics.jsonl"), "utf8")).split("\n").slice(0, -1);
    expect(events.steps).toEqual(whole.map((_, i) => i + 1));
    expect(await listed(server.url)).toMatchObject([{ name: "killed", training: false, step: whole.length }]);
    server.child.kill("SIGTERM");
    expect(await server.exitCode).toBe(0);
  });

  it("reports what is wrong before it begins", async () => {
    await writeFile("taken", "");
    const ran = await run("train", "tiny", "--out", "taken/run", "--studio", "--steps", "1");
    expect(ran.exitCode).toBe(1);
    expect(ran.error).toMatch(/taken/);
  });
});
