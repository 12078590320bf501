/**
 * The rows of the benchmark, as JSON and as a table.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os";
import { formatTable } from "../src/cli/terminal/table.ts";
import type { Comparison } from "./compare.ts";

const RESULTS = new URL("results.json", import.meta.url);

export interface Row {
  task: string;
  network: string;
  batch: number;
  precision: "float32";
  /** Null where no peer is there. */
  peer: string | null;
  oursMs: number;
  peerMs: number | null;
  /** Above 1: we are faster. */
  ratio: number | null;
  oursPeakMB: number | null;
  peerPeakMB: number | null;
  /** First and third. */
  oursQuartiles: [number, number];
  peerQuartiles: [number, number] | null;
  ratioQuartiles: [number, number] | null;
  /** Building the network and making its first step. */
  oursFirstMs: number;
  peerFirstMs: number | null;
  /** Of that, until there was a session. */
  oursSessionMs: number | null;
  threads: number;
  rounds: number;
  steps: number;
  note?: string;
}

export interface Result {
  rows: Row[];
  skipped: { peer: string; reason: string }[];
  machine: ReturnType<typeof describeMachine>;
  versions: Record<string, string>;
}

export function rowOf(
  about: Pick<Row, "task" | "network" | "batch" | "peer" | "threads">,
  comparison: Comparison,
): Row {
  const { ours, peer, ratio, rounds, steps, note } = comparison;
  const { task, network, batch, threads } = about;
  return {
    task,
    network,
    batch,
    precision: "float32",
    peer: about.peer,
    oursMs: rounded(ours.ms, 2),
    peerMs: peer && rounded(peer.ms, 2),
    ratio: ratio && rounded(ratio.median, 3),
    oursPeakMB: ours.peakMB,
    peerPeakMB: peer?.peakMB ?? null,
    oursQuartiles: [rounded(ours.quartiles[0], 2), rounded(ours.quartiles[1], 2)],
    peerQuartiles: peer && [rounded(peer.quartiles[0], 2), rounded(peer.quartiles[1], 2)],
    ratioQuartiles: ratio && [rounded(ratio.quartiles[0], 3), rounded(ratio.quartiles[1], 3)],
    oursFirstMs: rounded(ours.firstMs, 0),
    peerFirstMs: peer && rounded(peer.firstMs, 0),
    oursSessionMs: ours.sessionMs === null ? null : rounded(ours.sessionMs, 0),
    threads,
    rounds,
    steps,
    ...(note === undefined ? {} : { note }),
  };
}

/** The table for people, with what it was measured on. */
export function report({ rows, machine, versions }: Result): string {
  const ms = (value: number | null, quartiles: readonly number[] | null) =>
    value === null || quartiles === null
      ? "–"
      : `${value.toFixed(1)} (${quartiles.map((each) => each.toFixed(1)).join("–")})`;
  const memory = ({ oursPeakMB: ours, peerPeakMB: peer }: Row) =>
    ours !== null && peer !== null ? (ours / peer).toFixed(2) : "–";
  const table = formatTable(
    rows.map((row) => [
      row.task,
      row.network,
      row.batch,
      row.peer ?? "–",
      ms(row.oursMs, row.oursQuartiles),
      ms(row.peerMs, row.peerQuartiles),
      row.ratio === null ? "–" : `${row.ratio.toFixed(2)} (${row.ratioQuartiles!.map((q) => q.toFixed(2)).join("–")})`,
      row.oursPeakMB?.toFixed(0) ?? "–",
      row.peerPeakMB?.toFixed(0) ?? "–",
      memory(row),
      row.oursSessionMs,
      row.oursFirstMs,
      row.peerFirstMs ?? "–",
    ]),
    {
      header: [
        ...["task", "network", "batch", "peer", "ours, ms", "peer, ms", "ratio"],
        ...["ours, MB", "peer, MB", "MB ratio", "session, ms", "first, ms", "peer's first"],
      ],
      align: Array.from({ length: 13 }, (_, column) => (column < 4 ? undefined : "right")),
    },
  );
  const notes = rows.flatMap(({ task, network, peer, note }) =>
    note ? [`${task}, ${network}, ${peer}: ${note}\n`] : [],
  );
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    table,
    "\nMedians with quartiles; ratio: the peer's time over ours, above 1 we are faster; MB ratio: our peak over the peer's.\n",
    ...notes,
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGB} GB, ${machine.system}; ${rows[0]?.threads ?? "–"} threads; `,
    `load before: ${machine.load}\n${list.join(", ")}\n`,
  ].join("");
}

/** Keeps the rows in `results.json`, where they replace those of the same task, network, batch and peer. */
export function keep(result: Result): void {
  const key = ({ task, network, batch, peer }: Row) => JSON.stringify([task, network, batch, peer]);
  const fresh = new Set(result.rows.map(key));
  const kept = readKept();
  const merged: Result = {
    ...result,
    rows: [...(kept?.rows.filter((row) => !fresh.has(key(row))) ?? []), ...result.rows],
    versions: { ...kept?.versions, ...result.versions },
  };
  writeFileSync(RESULTS, `${JSON.stringify(merged, null, 2)}\n`);
}

function readKept(): Result | undefined {
  try {
    return JSON.parse(readFileSync(RESULTS, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export function describeMachine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGB: Math.round(totalmem() / 1e9),
    system: `${platform()} ${release()}`,
    /** Programs that wanted to run in the minute before the benchmark. */
    load: rounded(loadavg()[0], 2),
    date: new Date().toISOString().slice(0, 10),
  };
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
