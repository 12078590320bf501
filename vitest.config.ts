import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { alias: { "langevin/browser": fileURLToPath(new URL("src/browser/index.ts", import.meta.url)) } },
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "studio/src/**/*.test.ts"],
    testTimeout: 60_000,
    maxWorkers: 2,
    pool: "forks",
    // What the tests read is text without colour, also where CI or FORCE_COLOR asks for some.
    env: { NO_COLOR: "1" },
  },
});
