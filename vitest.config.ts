import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const [entry, portable] = ["src/browser/index.ts", "studio/src/lib/portable.ts"].map((file) =>
  fileURLToPath(new URL(file, import.meta.url)),
);

export default defineConfig({
  resolve: { alias: { "langevin/browser": existsSync(entry) ? entry : portable } },
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "studio/src/**/*.test.ts"],
    testTimeout: 60_000,
    maxWorkers: 2,
    pool: "forks",
    // What the tests read is text without colour, also where CI or FORCE_COLOR asks for some.
    env: { NO_COLOR: "1" },
  },
});
