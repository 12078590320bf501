/** Stores of runs and what goes in and out of them: memory, zip files, the server's runs over real HTTP. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { strToU8, unzipSync, zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError, FileAccessError, FileFormatError } from "../core/errors.ts";
import { type Server, startServer } from "../server/server.ts";
import { httpRunStore } from "./http-run-store.ts";
import { memoryRunStore } from "./run-store.ts";
import { unzipRun, zipRun } from "./zip-run.ts";

const bytes = strToU8;
const text = (found: Uint8Array | undefined) => found && new TextDecoder().decode(found);
const digitsRun = new URL("../../assets/digits/run.json", import.meta.url);

describe("a store in memory", () => {
  it("keeps copies, joins what is appended, and forgets what is removed", async () => {
    const runs = memoryRunStore();
    const mine = bytes("mine");
    await runs.write("a", "x.bin", mine);
    mine[0] = 0;
    const read = (await runs.read("a", "x.bin"))!;
    expect(text(read)).toBe("mine");
    read[0] = 0;
    expect(text(await runs.read("a", "x.bin"))).toBe("mine");
    await runs.append("a", "lines", "one\n");
    await runs.append("a", "lines", "two\n");
    expect(text(await runs.read("a", "lines"))).toBe("one\ntwo\n");
    await runs.remove("a");
    await runs.remove("a");
    expect(await runs.files("a")).toEqual([]);
  });

  it("takes an empty file for none: a first save that was cut short", async () => {
    const runs = memoryRunStore();
    await runs.write("a", "state.safetensors", new Uint8Array());
    expect(await runs.read("a", "state.safetensors")).toBeUndefined();
    expect(await runs.files("a")).toEqual([]);
  });

  it.each(["", "..", "a/b", ".hidden", "a b", "x".repeat(101)])("refuses the run %j", async (run) => {
    await expect(memoryRunStore().write(run, "x", bytes("x"))).rejects.toThrow(ConfigError);
  });

  it.each(["", "../x", "a//b", "/a", "a\\b", "."])("refuses the file %j", async (file) => {
    await expect(memoryRunStore().write("a", file, bytes("x"))).rejects.toThrow(FileAccessError);
  });
});

describe("a run as a zip file", () => {
  it("holds the files below the run's name, without the pictures that it learned from", async () => {
    const runs = memoryRunStore();
    await runs.write("a", "run.json", bytes("{}"));
    await runs.write("a", "samples/step-1.png", bytes("png"));
    await runs.write("a", "pictures.safetensors", bytes("private"));
    const zip = await zipRun(runs, "a");
    expect(Object.keys(unzipSync(zip))).toEqual(["a/run.json", "a/samples/step-1.png"]);
    expect([...unzipRun(zip)].map(([name, content]) => [name, text(content)])).toEqual([
      ["run.json", "{}"],
      ["samples/step-1.png", "png"],
    ]);
    await expect(zipRun(runs, "b")).rejects.toThrow(/no run b to export/);
  });

  it("is read whatever folder it lies in, or in none, with what others have put beside it", () => {
    const inFolder = zipSync({
      "x/y/run.json": bytes("1"),
      "x/y/ema.safetensors": bytes("2"),
      "__MACOSX/z": bytes("3"),
    });
    expect([...unzipRun(inFolder).keys()]).toEqual(["run.json", "ema.safetensors"]);
    expect([...unzipRun(zipSync({ "config.json": bytes("1") })).keys()]).toEqual(["config.json"]);
  });

  it("is refused where it is none, cut off, without a run, or leads out of its folder", async () => {
    expect(() => unzipRun(bytes("no zip at all, just some text"))).toThrow(FileFormatError);
    const whole = zipSync({ "run.json": bytes("x".repeat(1000)) });
    expect(() => unzipRun(whole.subarray(0, whole.length / 2))).toThrow(/no usable zip file/);
    expect(() => unzipRun(zipSync({ "a/readme.txt": bytes("x") }))).toThrow(/no run\.json and no config\.json/);
    expect(() => unzipRun(zipSync({ "a/run.json": bytes("x"), "a/../../etc": bytes("x") }))).toThrow(FileAccessError);
  });
});

describe("the runs of a server", () => {
  let folder: string;
  let server: Server;
  let base: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "langevin-http-store-"));
    await mkdir(join(folder, "runs", "first", "samples"), { recursive: true });
    await writeFile(join(folder, "runs", "first", "run.json"), await readFile(digitsRun));
    await writeFile(join(folder, "runs", "first", "samples", "step 1.png"), "picture");
    await writeFile(join(folder, "index.html"), "");
    server = await startServer({ root: folder, runs: join(folder, "runs") });
    base = new URL("api/runs/", server.url).href;
  });
  afterAll(async () => {
    await server?.close();
    await rm(folder, { recursive: true });
  });

  it("are listed and read, also from folders, and not changed", async () => {
    const runs = httpRunStore(base);
    const [listed, ...others] = await runs.list();
    expect(others).toEqual([]);
    expect(listed).toMatchObject({ name: "first", data: "digits" });
    expect(await runs.files("first")).toEqual(["run.json", "samples/step 1.png"]);
    expect(await runs.read("first", "run.json")).toEqual(new Uint8Array(await readFile(digitsRun)));
    expect(text(await runs.read("first", "samples/step 1.png"))).toBe("picture");
    expect(await runs.read("first", "none.json")).toBeUndefined();
    expect(await runs.read("none", "run.json")).toBeUndefined();
    expect(await runs.files("none")).toEqual([]);
    for (const change of [runs.write("first", "x", bytes("x")), runs.append("first", "x", "x"), runs.remove("first")]) {
      await expect(change).rejects.toThrow(/can only be looked at/);
    }
    await expect(runs.read("first", "../../secret")).rejects.toThrow(FileAccessError);
  });

  it("say so when the server is gone", async () => {
    const gone = httpRunStore("http://127.0.0.1:9/api/runs/");
    await expect(gone.list()).rejects.toThrow(/does not answer .* is it still running/);
  });
});
