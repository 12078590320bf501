import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FileAccessError, FileFormatError } from "../core/errors.ts";
import { clearTemporary, type FileSystem, makeFolder, readBytes, readJson, writeFileAtomic } from "./files.node.ts";

const folder = mkdtempSync(join(tmpdir(), "langevin-files-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const errno = (code: string) => Object.assign(new Error(`${code}: injected`), { code });

/** A file system that fails at the n-th call; `calls` counts them. */
function failing(at: number, code: string): FileSystem & { calls: string[] } {
  const calls: string[] = [];
  const step = (name: string) => {
    calls.push(name);
    if (calls.length === at) throw errno(code);
  };
  return {
    calls,
    open: (async (path: string, flags: string) => {
      step(`open ${flags}`);
      const file = await fs.open(path, flags);
      return new Proxy(file, {
        get(target, key) {
          const value = Reflect.get(target, key, target);
          if (key !== "writeFile" && key !== "sync") return typeof value === "function" ? value.bind(target) : value;
          return async (bytes: Uint8Array) => {
            const half = key === "writeFile" ? bytes.length >> 1 : 0;
            // A disk that fills up has taken a part of the bytes.
            if (half > 0) await target.write(bytes, 0, half);
            step(key);
            return key === "sync" ? target.sync() : target.write(bytes, half);
          };
        },
      });
    }) as FileSystem["open"],
    rename: async (from, to) => {
      step("rename");
      await fs.rename(from, to);
    },
    unlink: fs.unlink,
  };
}

describe("writeFileAtomic", () => {
  it("writes bytes and text, and replaces", async () => {
    const path = join(folder, "new.txt");
    await writeFileAtomic(path, "grüße");
    expect(await fs.readFile(path, "utf8")).toBe("grüße");
    await writeFileAtomic(path, Uint8Array.of(1, 2, 3));
    expect([...(await fs.readFile(path))]).toEqual([1, 2, 3]);
    await writeFileAtomic(path, "");
    expect((await fs.stat(path)).size).toBe(0);
    expect((await fs.readdir(folder)).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("flushes the file before the rename, and the folder after it", async () => {
    const system = failing(0, "");
    await writeFileAtomic(join(folder, "order.txt"), "text", { fileSystem: system });
    expect(system.calls).toEqual(["open wx", "writeFile", "sync", "rename", "open r", "sync"]);
    expect(await fs.readFile(join(folder, "order.txt"), "utf8")).toBe("text");
  });

  it("writes one path many times at once, and each time whole", async () => {
    const path = join(folder, "race.txt");
    const texts = Array.from({ length: 20 }, (_, i) => String(i).repeat(1000));
    await Promise.all(texts.map((text) => writeFileAtomic(path, text)));
    expect(texts).toContain(await fs.readFile(path, "utf8"));
  });

  const steps: [step: number, name: string, after: string][] = [
    [1, "opening", "old"],
    [2, "writing", "old"],
    [3, "flushing", "old"],
    [4, "renaming", "old"],
    [5, "opening the folder", "new"],
    [6, "flushing the folder", "new"],
  ];
  it.each(steps)("fails at step %i, %s: the file is whole, the temporary one is gone", async (step, _, after) => {
    const here = await fs.mkdtemp(join(folder, "step-"));
    const path = join(here, "weights.bin");
    await writeFileAtomic(path, "old");
    const failure = writeFileAtomic(path, "new", { fileSystem: failing(step, "EIO") });
    await expect(failure).rejects.toThrow(FileAccessError);
    expect(await fs.readFile(path, "utf8")).toBe(after);
    expect(await fs.readdir(here)).toEqual(["weights.bin"]);
  });

  it.each([
    ["ENOSPC", /the disk is full \(ENOSPC\); free some space/],
    ["EACCES", /permission is denied \(EACCES\); change the permissions/],
    ["EROFS", /read-only \(EROFS\); choose another folder/],
    ["EWEIRD", /EWEIRD: injected/],
  ])("tells of %s: the path, the bytes, the remedy", async (code, message) => {
    const path = join(folder, "full.bin");
    const failure = writeFileAtomic(path, new Uint8Array(1234), { fileSystem: failing(2, code) });
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toThrow(`cannot write 1234 bytes to ${path}: `);
    await expect(failure).rejects.toMatchObject({ cause: { code } });
  });

  it("lets a file system pass that cannot flush folders", async () => {
    await writeFileAtomic(join(folder, "network.txt"), "text", { fileSystem: failing(6, "EINVAL") });
  });

  it("names a folder that does not exist, and a target that is a folder", async () => {
    await expect(writeFileAtomic(join(folder, "none", "a.txt"), "a")).rejects.toThrow(
      /no such file or folder.*must exist/,
    );
    await fs.mkdir(join(folder, "target"));
    await expect(writeFileAtomic(join(folder, "target"), "a")).rejects.toThrow(/it is a folder/);
    expect((await fs.readdir(folder)).filter((name) => name.endsWith("tmp"))).toEqual([]);
  });
});

/** Whether this process may mount a file system. */
const disk = mkdtempSync(join(tmpdir(), "langevin-disk-"));
let mounted = false;
try {
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", disk], { stdio: "ignore" });
  mounted = true;
} catch {
  // Not root, or not Linux: the injected failures above stand alone.
}
afterAll(() => {
  if (mounted) execFileSync("umount", [disk]);
  rmSync(disk, { recursive: true, force: true });
});

describe.skipIf(!mounted)("on a disk of 64 KB", () => {
  it("keeps the old file when the new one does not fit", async () => {
    const path = join(disk, "state.bin");
    await writeFileAtomic(path, new Uint8Array(30_000).fill(7));
    const failure = writeFileAtomic(path, new Uint8Array(50_000).fill(8));
    await expect(failure).rejects.toThrow(FileAccessError);
    await expect(failure).rejects.toThrow(/cannot write 50000 bytes to .*state\.bin: the disk is full \(ENOSPC\)/);
    expect(await readBytes(path)).toEqual(new Uint8Array(30_000).fill(7));
    expect(await fs.readdir(disk)).toEqual(["state.bin"]);
    await writeFileAtomic(path, new Uint8Array(20_000).fill(9));
    expect((await readBytes(path))[0]).toBe(9);
  });
});

describe("reading", () => {
  beforeAll(async () => {
    await fs.writeFile(join(folder, "good.json"), '{"steps": 3}');
    await fs.writeFile(join(folder, "bad.json"), "{steps: 3}");
  });

  it("reads bytes that are its own", async () => {
    const path = join(folder, "bytes.bin");
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251);
    await fs.writeFile(path, bytes);
    const read = await readBytes(path);
    expect(read).toEqual(bytes);
    expect(read.byteOffset).toBe(0);
    expect(await readBytes("/dev/null")).toEqual(new Uint8Array());
  });

  it("names what is missing or a folder", async () => {
    const missing = join(folder, "missing.bin");
    await expect(readBytes(missing)).rejects.toThrow(FileAccessError);
    await expect(readBytes(missing)).rejects.toThrow(`cannot read ${missing}: no such file or folder (ENOENT)`);
    await expect(readBytes(folder)).rejects.toThrow(/it is a folder \(EISDIR\)/);
    await expect(readJson(missing)).rejects.toThrow(FileAccessError);
  });

  it("reads JSON, or says where it is wrong", async () => {
    expect(await readJson(join(folder, "good.json"))).toEqual({ steps: 3 });
    await expect(readJson(join(folder, "bad.json"))).rejects.toThrow(FileFormatError);
    await expect(readJson(join(folder, "bad.json"))).rejects.toThrow(/bad\.json is not JSON: .*position 1/);
  });
});

describe("folders", () => {
  it("clears what killed writers left, and nothing else", async () => {
    const here = await fs.mkdtemp(join(folder, "clear-"));
    for (const name of [".ema.safetensors.123-4.langevin-tmp", "ema.safetensors", ".hidden", "a.langevin-tmp"]) {
      await fs.writeFile(join(here, name), "x");
    }
    expect(await clearTemporary(here)).toEqual([".ema.safetensors.123-4.langevin-tmp"]);
    expect((await fs.readdir(here)).sort()).toEqual([".hidden", "a.langevin-tmp", "ema.safetensors"]);
    await expect(clearTemporary(join(here, "none"))).rejects.toThrow(FileAccessError);
  });

  it("clears exactly what a writer leaves that is killed before its rename", async () => {
    const here = await fs.mkdtemp(join(folder, "kill-"));
    const system: FileSystem = { ...failing(4, "EIO"), unlink: () => Promise.reject(errno("EIO")) };
    await expect(writeFileAtomic(join(here, "a b.json"), "x", { fileSystem: system })).rejects.toThrow(FileAccessError);
    expect(await clearTemporary(here)).toHaveLength(1);
    expect(await fs.readdir(here)).toEqual([]);
  });

  it("makes folders", async () => {
    await makeFolder(join(folder, "a", "b"));
    await makeFolder(join(folder, "a", "b"));
    expect((await fs.stat(join(folder, "a", "b"))).isDirectory()).toBe(true);
    await expect(makeFolder(join(folder, "good.json", "c"))).rejects.toThrow(/is a file, not a folder/);
  });
});
