/**
 * The package as somebody gets it from the registry: packed, unpacked in an empty project, used there.
 *
 *   npm run package:check              builds first
 *   npm run package:check -- --built   with what lies in dist/
 *
 * Of the packages beside it the project gets only those that langevin declares, as links to the repository's: an import of
 * anything else fails here, and nothing is downloaded. The optional ones are left out.
 */
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("..", import.meta.url));
const project = mkdtempSync(join(tmpdir(), "langevin-package-"));
const modules = join(project, "node_modules");
const langevin = join(modules, "langevin");
const env = { ...process.env, npm_config_offline: "true" };
const windows = process.platform === "win32";

function check(holds, what) {
  if (!holds) throw new Error(`failed: ${what}`);
  console.log(`✓ ${what}`);
}

function run(command, args, cwd) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: "utf8", shell: windows });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}:\n${stdout}\n${stderr}`);
  return stdout;
}

/** A module's code, run in the project. */
const inProject = (code) => run(process.execPath, ["--input-type=module", "-e", code], project);

function install() {
  const [{ filename, size, unpackedSize, files }] = JSON.parse(
    run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", project], repository),
  );
  const paths = files.map(({ path }) => path);
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
  console.log(`${filename}: ${paths.length} files, ${megabytes(size)}, unpacked ${megabytes(unpackedSize)}`);
  for (const path of ["dist/cli/main.js", "dist/index.d.ts", "dist/browser/index.js", "dist/studio/index.html"]) {
    check(paths.includes(path), `it holds ${path}`);
  }
  check(paths.includes("dist/studio/data/digits/train-images-idx3-ubyte.gz"), "it holds the digits");
  const extra = paths.filter((path) =>
    /^(src|studio|test|bench|node_modules)\/|\.test\.|dist\/(studio\/ort|studio\/models|studio-for-tests|screens)\//.test(
      path,
    ),
  );
  check(extra.length === 0, `it holds nothing else ${extra.slice(0, 3)}`);

  mkdirSync(langevin, { recursive: true });
  run("tar", ["-xzf", join(project, filename), "-C", langevin, "--strip-components=1"], project);
  const { dependencies, bin } = JSON.parse(readFileSync(join(langevin, "package.json"), "utf8"));
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(repository, "node_modules", name), join(modules, name), "junction");
  }
  const program = join(langevin, bin.langevin);
  check(readFileSync(program, "utf8").startsWith("#!/usr/bin/env node\n"), "npm finds a program in it");
  chmodSync(program, 0o755); // as npm does when it installs
  mkdirSync(join(modules, ".bin"));
  symlinkSync(program, join(modules, ".bin", "langevin"));
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "project", private: true, type: "module" }));
}

function checkImports() {
  const names = inProject('import * as all from "langevin"; console.log(Object.keys(all).join())').trim().split(",");
  for (const name of ["train", "sample", "UNet"]) check(names.includes(name), `import "langevin" gives ${name}`);
  const own = inProject('import * as all from "langevin/browser"; console.log(Object.keys(all).join())').split(",");
  check(own.length > 10, `import "langevin/browser" gives ${own.length} names`);
  const places = inProject('console.log(import.meta.resolve("langevin/browser"))').trim();
  check(places.endsWith("/langevin/dist/browser/index.js"), "it is the browser's entry");
  for (const entry of ["index.d.ts", "browser/index.d.ts"]) {
    check(existsSync(join(langevin, "dist", entry)), `its types are in dist/${entry}`);
  }
}

/** Runs a command that serves, until `use` is done with the address that it prints; true when it ends well at Ctrl-C. */
async function serving(args, use) {
  const child = spawn("npx", ["--no-install", "langevin", ...args], {
    cwd: project,
    env,
    shell: windows,
    detached: !windows,
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  try {
    const url = await new Promise((resolve, reject) => {
      let text = "";
      const read = (data) => {
        text += data;
        const found = /http:\/\/[^/\s]+\//.exec(text);
        if (found) resolve(found[0]);
      };
      child.stdout.on("data", read);
      child.stderr.on("data", read);
      ended.then((code) => reject(new Error(`langevin ${args.join(" ")} ended with ${code}:\n${text}`)));
    });
    await use(url);
  } finally {
    if (child.exitCode === null) {
      if (windows) child.kill();
      else process.kill(-child.pid, "SIGINT"); // as a terminal does: npx and what it started
    }
    await ended;
  }
}

async function checkStudio(url) {
  const page = await (await fetch(url)).text();
  check(page.includes("<title>langevin studio</title>"), "npx langevin studio serves the page");
  const script = /<script type="module"[^>]* src="\.?\/?([^"]+)"/.exec(page)?.[1];
  const wanted = [
    [script, "text/javascript"],
    ["ort/ort-wasm-simd-threaded.wasm", "application/wasm"],
    ["ort/ort-wasm-simd-threaded.asyncify.mjs", "text/javascript"],
    ["data/digits/train-images-idx3-ubyte.gz", "application/gzip"],
    ["models/digits/ema.safetensors", "application/octet-stream"],
    ["api/runs", "application/json"],
  ];
  for (const [path, type] of wanted) {
    const answer = await fetch(url + path);
    const found = answer.headers.get("content-type") ?? "";
    await answer.arrayBuffer();
    check(answer.status === 200 && found.startsWith(type), `/${path} is ${found}`);
  }
}

if (!process.argv.includes("--built")) run("npm", ["run", "build"], repository);
try {
  install();
  checkImports();
  check(
    /^\d+\.\d+\.\d+$/.test(run("npx", ["--no-install", "langevin", "--version"], project).trim()),
    "npx langevin runs",
  );
  await serving(["studio", "--no-open", "--port", "0"], checkStudio);
  await serving(["train", "toy-flow", "--steps", "100000", "--out", "run", "--studio"], async (url) => {
    let runs = [];
    for (let i = 0; i < 300 && runs.length === 0; i++) {
      runs = await (await fetch(`${url}api/runs`)).json();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    check(runs[0]?.name === "run" && runs[0].training, "npx langevin train --studio shows the run");
  });
} finally {
  rmSync(project, { recursive: true, force: true });
}
