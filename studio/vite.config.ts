/**
 * The build of the studio: a folder of static files with relative addresses, so that any host serves it from any path.
 * What the engine fetches at run time lies in it too: ONNX Runtime's WebAssembly under `ort/`, the digits under
 * `data/digits/`. The dev server serves both at the same places, with the headers that threads need.
 */
import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defaultClientConditions, defineConfig } from "vite";
import { isolation, runtimeFiles } from "./build/runtime-files.ts";

const library = fileURLToPath(new URL("../src/", import.meta.url));

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./",
  plugins: [svelte(), runtimeFiles()],
  resolve: {
    alias: { "langevin/browser": `${library}browser/index.ts` },
    // ONNX Runtime without its WebAssembly inside: that is fetched from `ort/`.
    conditions: ["onnxruntime-web-use-extern-wasm", ...defaultClientConditions],
  },
  server: { headers: isolation, fs: { allow: [".."] } },
  preview: { headers: isolation },
  worker: { format: "es", rolldownOptions: { output: { keepNames: true } } },
  build: {
    outDir: "../dist/studio",
    emptyOutDir: true,
    target: "es2023",
    chunkSizeWarningLimit: 1000, // kB; the worker holds the engine
    rolldownOptions: {
      // The library's modules do nothing on import, so a page takes along only what it uses of them.
      treeshake: { moduleSideEffects: (id) => !id.startsWith(library) },
      output: { keepNames: true }, // an error tells its class, also between page and worker
    },
  },
});
