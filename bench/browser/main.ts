/**
 * The benchmark in the browser: a step of ours on WebAssembly in headless Chromium beside the same step in Node, and beside
 * TensorFlow.js and jax-js in the same browser.
 *
 *   npm run bench:browser -- train-step --peers FOLDER
 *
 * What is compared, and how, stands in `../README.md`.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { formatTable } from "../../src/cli/terminal/table.ts";
import { LangevinError } from "../../src/core/errors.ts";
import { nodeRuntime } from "../../src/runtime/node/session.ts";
import { differenceOf } from "../differences.ts";
import { networks } from "../networks.ts";
import { known, whole } from "../options.ts";
import { PeerError, PeerProcess } from "../peers/process.ts";
import type { Task } from "../peers/protocol.ts";
import { differences, type Figures, ourFigures } from "../peers/same-numbers.ts";
import { describeMachine } from "../report.ts";
import { langevin } from "../sides.ts";
import { median, ratioOf, stepsThatFit, summary } from "../statistics.ts";
import { BenchPage } from "./chromium.ts";
import type { Reply, SideName } from "./page/worker.ts";

const HELP = `npm run bench:browser -- [train-step] [sample] [options]

  --network NAME    ${Object.keys(networks).join(" or ")} (digits)
  --batch N         images of a step, instead of the network's own
  --threads N       threads of each side (2)
  --rounds N        rounds; in each, all sides make a few steps (5)
  --steps N         steps of each side in a round, less where they are slow (3)
  --budget S        seconds for the rounds of one row (60)
  --peers FOLDER    where npm i @tensorflow/tfjs @tensorflow/tfjs-backend-wasm @jax-js/jax was run
  --json            print JSON and nothing else
  --write           keep the rows in bench/results-browser.json
`;

const tasks: Record<string, Task> = { "train-step": "train-step", sample: "sample-forward" };
const peerNames = ["tfjs-wasm", "tfjs-webgl", "jax-js"] as const satisfies readonly SideName[];
/** Opening a side, its first step and its comparison included. */
const FIRST_MS = 300_000;
/** A peer whose step takes longer is timed once. */
const LONGEST_STEP_MS = 20_000;

interface Row {
  task: string;
  network: string;
  batch: number;
  threads: number;
  side: string;
  ms: number | null;
  quartiles: readonly [number, number] | null;
  /** Its time over that of ours on WebAssembly: above 1, ours is faster. */
  ratio: number | null;
  firstMs: number | null;
  note?: string;
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    network: { type: "string", default: "digits" },
    batch: { type: "string" },
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "5" },
    steps: { type: "string", default: "3" },
    budget: { type: "string", default: "60" },
    peers: { type: "string" },
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

async function main(): Promise<void> {
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const wanted = (positionals.length > 0 ? positionals : Object.keys(tasks)).map((name) => {
    return known("task", name, Object.keys(tasks));
  });
  const plan: Plan = {
    network: known("network", values.network, Object.keys(networks)),
    batch: values.batch === undefined ? undefined : whole("batch", values.batch),
    threads: whole("threads", values.threads),
    rounds: whole("rounds", values.rounds),
    steps: whole("steps", values.steps),
    budgetMs: 1000 * whole("budget", values.budget),
  };
  const machine = describeMachine();
  await using page = await BenchPage.open(values.peers && resolve(values.peers));
  const versions: Record<string, string> = { node: process.versions.node, chromium: page.browserVersion };
  if (values.peers) Object.assign(versions, installedVersions(resolve(values.peers)));
  const rows: Row[] = [];
  for (const name of wanted) rows.push(...(await measure(page, name, plan, versions)));
  const result = { rows, machine, versions };
  if (values.write) keep(result);
  process.stdout.write(values.json ? `${JSON.stringify(result, null, 2)}\n` : reportOf(result));
}

interface Plan {
  network: string;
  /** The network's own when absent. */
  batch?: number;
  threads: number;
  rounds: number;
  /** Most steps of each side in a round. */
  steps: number;
  /** For the rounds of one row. */
  budgetMs: number;
}

interface Side {
  name: string;
  firstMs: number;
  /** Milliseconds of each of so many steps. */
  steps(count: number): Promise<readonly number[]>;
}

/** All sides of a task, in turns: ours in Node, ours on WebAssembly, the peers. */
async function measure(page: BenchPage, name: string, plan: Plan, versions: Record<string, string>): Promise<Row[]> {
  const { threads, rounds, budgetMs } = plan;
  const { network, batch: own } = networks[plan.network];
  const batch = plan.batch ?? own;
  const about = { task: name, network: plan.network, batch, threads };
  const request = { task: tasks[name], network, batch, threads };
  const figures = await ourFigures(network, nodeRuntime());

  await using node = new PeerProcess(langevin({ threads, python: "" }));
  const ask = (repeats: number) => node.ask({ ...request, warmup: 0, repeats }, FIRST_MS);
  const { firstMs, versions: ours } = await ask(1);
  Object.assign(versions, ours);
  const nodeSide: Side = { name: "langevin, Node", firstMs, steps: async (count) => (await ask(count)).ms };
  const wasm = await openSide(page, "langevin", request, figures);
  const sides: Side[] = [nodeSide, wasm];
  const rows: Row[] = [];
  for (const peer of values.peers === undefined ? [] : peerNames) {
    try {
      sides.push(await openSide(page, peer, request, figures));
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      say(`${peer}: ${error.message}`);
      rows.push({ ...about, side: peer, ms: null, quartiles: null, ratio: null, firstMs: null, note: error.message });
      await page.close(peer);
    }
  }

  const once = new Map<Side, number>();
  for (const side of sides) once.set(side, (await side.steps(1))[0]);
  const slow = new Set(sides.filter((side) => once.get(side)! > LONGEST_STEP_MS));
  const timed = sides.filter((side) => !slow.has(side));
  const stepMs = timed.reduce((sum, side) => sum + once.get(side)!, 0);
  const steps = stepsThatFit({ most: plan.steps, rounds, budgetMs, stepMs });
  const times = new Map<Side, (readonly number[])[]>(sides.map((side) => [side, []]));
  for (let round = 0; round < rounds; round++) {
    for (const side of timed) times.get(side)!.push(await side.steps(steps));
  }
  const oursTimes = times.get(wasm)!;
  for (const side of sides) {
    const own = times.get(side)!;
    const seen = slow.has(side) ? summary([once.get(side)!]) : summary(own.flat());
    const ratio = slow.has(side)
      ? seen.median / median(oursTimes.flat())
      : ratioOf(own.map((peer, i) => ({ ours: oursTimes[i], peer }))).median;
    rows.push({
      ...about,
      side: side.name,
      ms: round(seen.median, 1),
      quartiles: [round(seen.quartiles[0], 1), round(seen.quartiles[1], 1)],
      ratio: round(ratio, 2),
      firstMs: round(side.firstMs, 0),
      ...(slow.has(side) && { note: `over ${LONGEST_STEP_MS / 1000} s a step: timed once` }),
    });
  }
  for (const side of ["langevin", ...peerNames] as const) await page.close(side);
  return rows;
}

/** Opens a side of the page and compares its results with ours. Raises a PeerError where they differ. */
async function openSide(
  page: BenchPage,
  side: SideName,
  request: { task: Task; network: (typeof networks)[string]["network"]; batch: number; threads: number },
  ours: Figures,
): Promise<Side> {
  say(`${request.task}: ${side} …`);
  type Opened = Extract<Reply, { firstMs: number }>;
  const opened = await page.ask<Opened>(side, { kind: "open", request: { ...request, side } }, FIRST_MS);
  type Told = Extract<Reply, { predicted: number[] }>;
  const told = await page.ask<Told>(side, { kind: "figures" }, FIRST_MS);
  const theirs = { ...told, predicted: Float32Array.from(told.predicted) };
  const different = differenceOf(differences(ours, theirs));
  if (different) throw new PeerError(different);
  return {
    name: side === "langevin" ? "langevin, wasm" : side,
    firstMs: opened.firstMs,
    steps: async (count) => (await page.ask<{ ms: number[] }>(side, { kind: "step", count }, FIRST_MS)).ms,
  };
}

const RESULTS = new URL("../results-browser.json", import.meta.url);

/** Keeps the rows, where they replace those of the same task, network and batch. */
function keep(result: Result): void {
  const key = ({ task, network, batch }: Row) => JSON.stringify([task, network, batch]);
  const fresh = new Set(result.rows.map(key));
  const kept = existsSync(RESULTS) ? (JSON.parse(readFileSync(RESULTS, "utf8")) as Result).rows : [];
  const rows = [...kept.filter((row) => !fresh.has(key(row))), ...result.rows];
  writeFileSync(RESULTS, `${JSON.stringify({ ...result, rows }, null, 2)}\n`);
}

/** The versions of the peers in a folder, of those that are there. */
function installedVersions(folder: string): Record<string, string> {
  const packages = ["@tensorflow/tfjs", "@tensorflow/tfjs-backend-wasm", "@jax-js/jax"];
  const found = packages.map((name) => [name, join(folder, "node_modules", name, "package.json")] as const);
  const there = found.filter(([, path]) => existsSync(path));
  return Object.fromEntries(there.map(([name, path]) => [name, JSON.parse(readFileSync(path, "utf8")).version]));
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

interface Result {
  rows: readonly Row[];
  machine: ReturnType<typeof describeMachine>;
  versions: Readonly<Record<string, string>>;
}

function reportOf({ rows, machine, versions }: Result): string {
  const cells = rows.map(({ task, network, batch, side, ms, quartiles, ratio, firstMs }) => [
    ...[task, network, batch, side],
    ms === null ? "–" : `${ms.toFixed(1)} (${quartiles!.map((each) => each.toFixed(1)).join("–")})`,
    ratio?.toFixed(2) ?? "–",
    firstMs ?? "–",
  ]);
  const header = ["task", "network", "batch", "side", "ms", "over ours on wasm", "first, ms"];
  const align = header.map((_, column) => (column < 4 ? undefined : ("right" as const)));
  const notes = rows.flatMap(({ task, side, note }) => (note ? [`${task}, ${side}: ${note}\n`] : []));
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    formatTable(cells, { header, align }),
    "\nMedians with quartiles; over ours: the side's time over that of ours on WebAssembly, above 1 ours is faster.\n",
    ...notes,
    `${machine.cpu}, ${machine.cores} cores, ${machine.system}; ${values.threads} threads; load before: ${machine.load}\n`,
    `${list.join(", ")}\n`,
  ].join("");
}

main().catch((error: unknown) => {
  const expected = error instanceof LangevinError || error instanceof PeerError;
  process.stderr.write(`${expected ? (error as Error).message : ((error as Error).stack ?? error)}\n`);
  process.exitCode = expected ? 2 : 1;
});
