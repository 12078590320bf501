/**
 * The test command: format and lint, import rules, types of each environment, then every test (unit, conformance,
 * parity with stored golden numbers, examples, end to end). Runs all stages even when one fails, and ends with the line
 * `N passed, N failed`.
 *
 *   npm test                     everything
 *   npm test -- src/graph        only the tests whose path contains the text, without the other stages
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const filters = process.argv.slice(2);
const stages =
  filters.length > 0
    ? []
    : [
        ["format and lint", "biome", ["check", "."]],
        ["import rules", "depcruise", ["src"]],
        ["types", "tsc", ["-p", "tsconfig.json"]],
        ["types without Node", "tsc", ["-p", "tsconfig.portable.json"]],
        ["studio types", "svelte-check", ["--workspace", "studio", "--fail-on-warnings"]],
        ["types of the studio's tests", "tsc", ["-p", "studio/tsconfig.test.json"]],
      ];

let passed = 0;
let failed = 0;
let skipped = 0;

/** Runs an installed program, its output on ours; true when it ended well. */
function run(program, args) {
  const options = { stdio: "inherit", shell: process.platform === "win32" };
  return spawnSync(join("node_modules", ".bin", program), args, options).status === 0;
}

for (const [name, program, args] of stages) {
  console.log(`\n── ${name}`);
  if (run(program, args)) passed++;
  else failed++;
}

/** Runs vitest with some arguments and adds up what it counted. */
function runTests(...args) {
  const folder = mkdtempSync(join(tmpdir(), "langevin-tests-"));
  const report = join(folder, "report.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const ok = run("vitest", ["run", ...reporters, ...args]);
  let failures = 0;
  try {
    const counts = JSON.parse(readFileSync(report, "utf8"));
    passed += counts.numPassedTests;
    failures = counts.numFailedTests;
    skipped += counts.numPendingTests + counts.numTodoTests;
  } catch {
    console.error("the tests gave no report");
  }
  // A file that does not load, or an error outside of a test, fails the run without a failed test.
  failed += failures === 0 && !ok ? 1 : failures;
  rmSync(folder, { recursive: true, force: true });
}

if (filters.length > 0) runTests(...filters);
else {
  console.log("\n── tests");
  runTests("--exclude=test/browser/**");
  console.log("\n── tests in the browser");
  runTests("test/browser", "--maxWorkers=1"); // a Chromium keeps the cores busy by itself
}

console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exit(failed > 0 ? 1 : 0);
