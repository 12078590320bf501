/**
 * The list of runs and their files, as the API gives them.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MARK_FILE, markTraining } from "../train/training-mark.node.ts";
import type { RunInfo } from "./runs.ts";
import { type Server, startServer } from "./server.ts";
import { ask, openSite, type Site } from "./testing/site.ts";

let site: Site;
let server: Server;
beforeAll(async () => {
  site = await openSite();
  server = await startServer({ root: site.root, runs: site.runs });
  await site.run("first", 40);
  await site.train("first", 1, 2, 3);
  await site.run("deep/in/side");
  await site.run("phased");
  await site.run("phased/phase-1");
  await site.write("runs/first/samples/step-000002.png", "two");
  await site.write("runs/first/.hidden", "hidden");
});
afterAll(async () => {
  await server.close();
  await site.remove();
});

const get = (path: string, of = server) => ask(of.url, `/api/${path}`);
const list = async (of = server) => (await get("runs", of)).json as RunInfo[];
const named = async (name: string) => (await list()).find((run) => run.name === name);

describe("/api/runs", () => {
  it("tells how far each run is", async () => {
    const before = Date.now() - 60_000;
    expect(await named("first")).toEqual({
      name: "first",
      recipe: "tiny",
      data: "moons",
      bytes: expect.any(Number),
      step: 3,
      steps: 40,
      seconds: 3 / 8,
      training: false,
      changed: expect.any(Number),
    });
    expect((await named("first"))!.changed).toBeGreaterThan(before);
    expect((await list()).map(({ name }) => name).sort()).toEqual([
      "deep/in/side",
      "first",
      "phased",
      "phased/phase-1",
    ]);
  });

  it("goes by the last whole line, and by the steps that are planned there", async () => {
    const folder = await site.run("planned", 1000);
    await appendFile(join(folder, "metrics.jsonl"), '{"step":20,"steps":300,"seconds":2}\n{"step":21,"ste');
    expect(await named("planned")).toMatchObject({ step: 20, steps: 300, seconds: 2 });
    expect(await named("phased")).not.toHaveProperty("step");
  });

  it("shows a run that cannot be read, and why", async () => {
    await site.write("runs/damaged/run.json", "{");
    await site.write("runs/other/run.json", '{"langevin":"9.0.0","novel":1}');
    expect((await named("damaged"))!.problem).toMatch(/run\.json is not JSON/);
    expect((await named("other"))!.problem).toMatch(/novel/);
    expect((await named("first"))!.problem).toBeUndefined();
  });

  it("lists one run folder, under its own name", async () => {
    const own = await startServer({ root: site.root, runs: join(site.runs, "phased") });
    expect((await list(own)).map(({ name }) => name).sort()).toEqual(["phased", "phased/phase-1"]);
    expect((await get("runs/phased/files", own)).json).toMatchObject([{ file: "run.json" }]);
    expect((await get("runs/phased%2Fphase-1/files/run.json", own)).status).toBe(200);
    expect((await get("runs/phase-1/files", own)).status).toBe(404);
    await own.close();
  });

  it("is empty where there is no folder yet, or none at all", async () => {
    for (const runs of [join(site.folder, "later"), undefined]) {
      const own = await startServer({ root: site.root, runs });
      expect(await list(own)).toEqual([]);
      expect((await get("runs/x/files", own)).status).toBe(404);
      await own.close();
    }
  });
});

describe("whether a run is being trained", () => {
  it("holds while its process does", async () => {
    const folder = join(site.runs, "first");
    expect(await named("first")).toMatchObject({ training: false });
    {
      await using _ = await markTraining(folder);
      expect(await named("first")).toMatchObject({ training: true });
    }
    expect(await named("first")).toMatchObject({ training: false });
  });

  it("does not hold for the mark of a process that was killed, nor for one that says nothing", async () => {
    const path = join(site.runs, "first", MARK_FILE);
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    await once(child, "spawn");
    await writeFile(path, JSON.stringify({ pid: child.pid, host: hostname() }));
    expect(await named("first")).toMatchObject({ training: true });
    child.kill("SIGKILL");
    await once(child, "close");
    expect(await named("first")).toMatchObject({ training: false });
    for (const text of ["", "null", "{}", `{"pid":-1,"host":${JSON.stringify(hostname())}}`]) {
      await writeFile(path, text);
      expect(await named("first")).toMatchObject({ training: false });
    }
    await writeFile(path, '{"pid":1,"host":"elsewhere"}');
    expect(await named("first")).toMatchObject({ training: true }); // written just now
  });

  it("ends for the process that began, not for one that goes on with the run", async () => {
    const folder = join(site.runs, "first");
    const ours = await markTraining(folder);
    await writeFile(join(folder, MARK_FILE), JSON.stringify({ pid: process.ppid, host: hostname() }));
    await ours[Symbol.asyncDispose]();
    expect(await named("first")).toMatchObject({ training: true });
    await writeFile(join(folder, MARK_FILE), "");
  });
});

describe("/api/runs/<name>/files", () => {
  it("lists the files of the run, and gives them", async () => {
    const { json } = await get("runs/first/files");
    expect((json as { file: string }[]).map(({ file }) => file)).toEqual([
      "metrics.jsonl",
      "run.json",
      "samples/step-000002.png",
    ]);
    expect(json).toContainEqual({ file: "samples/step-000002.png", size: 3, changed: expect.any(Number) });
    for (const file of ["samples/step-000002.png", "samples%2Fstep-000002.png"]) {
      const { status, headers, body } = await get(`runs/first/files/${file}`);
      expect([status, headers["content-type"], body.toString()]).toEqual([200, "image/png", "two"]);
    }
    const metrics = await get("runs/first/files/metrics.jsonl");
    expect(metrics.headers).toMatchObject({
      "content-type": "application/x-ndjson; charset=utf-8",
      "content-security-policy": expect.stringContaining("sandbox"),
    });
    expect(metrics.body.toString().split("\n")).toHaveLength(4);
  });

  it("leaves the files of a run inside to that run", async () => {
    expect((await get("runs/phased/files")).json).toMatchObject([{ file: "run.json" }]);
    expect((await get("runs/phased%2Fphase-1/files")).json).toMatchObject([{ file: "run.json" }]);
  });

  it.each([
    "runs/nowhere/files",
    "runs/first/files/nothing.png",
    "runs/first/files/samples",
    "runs/first/files/.hidden",
    "runs/first/files/..%2F..%2F..%2Fsecret.txt",
    "runs/first/files/../../../secret.txt",
    "runs/first/files/%2e%2e/%2e%2e/secret.txt",
    "runs/first/files/out/secret.txt",
    "runs/first/files/secret.txt",
    "runs/first/files/run.json%00",
    "runs/first/files/a/",
    "runs/%2e%2e/files/secret.txt",
    "runs/..%2Fstudio/files/index.html",
    "runs/%2Fetc/files/passwd",
    "runs/out/files/secret.txt",
    "runs/first%00/files",
    "runs//files",
    "runs/first",
    "runs/first/",
    "runs/first/nothing",
    "runs/first/events/more",
    "runs/deep/files",
    "run",
    "",
  ])("refuses %s", async (path) => {
    await symlink(site.folder, join(site.runs, "first", "out")).catch(() => {});
    await symlink(join(site.folder, "secret.txt"), join(site.runs, "first", "secret.txt")).catch(() => {});
    await symlink(site.folder, join(site.runs, "out")).catch(() => {});
    const { status, json, body } = await get(path);
    expect([400, 404]).toContain(status);
    expect(json).toEqual({ error: expect.any(String) });
    expect(body.toString()).not.toContain(site.folder);
  });

  it("does not list what a link leads to", async () => {
    expect(JSON.stringify((await get("runs/first/files")).json)).not.toContain("secret");
    expect((await list()).map(({ name }) => name)).not.toContain("out");
  });

  it("gives a file whole that is replaced while it is sent", async () => {
    const big = new Uint8Array(20_000_000).fill(1);
    await site.write("runs/first/state.safetensors", big);
    const response = await fetch(`${server.url}api/runs/first/files/state.safetensors`);
    const path = join(site.runs, "first", "state.safetensors");
    await writeFile(`${path}-new`, new Uint8Array(10).fill(2));
    await rename(`${path}-new`, path);
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(bytes.length).toBe(big.length);
    expect(bytes.every((byte) => byte === 1)).toBe(true);
  });

  it("sees a run that begins later", async () => {
    expect((await get("runs/later/files")).status).toBe(404);
    await mkdir(join(site.runs, "later"));
    expect((await get("runs/later/files")).status).toBe(404);
    await rename(await site.run("tmp"), join(site.runs, "later", "x")).catch(() => {});
    expect((await get("runs/later%2Fx/files")).status).toBe(200);
  });
});
