import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 60_000,
    maxWorkers: 2,
    pool: "forks",
    // What the tests read is text without colour, also where CI or FORCE_COLOR asks for some.
    env: { NO_COLOR: "1" },
  },
});
