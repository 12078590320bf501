/**
 * The benchmark: a training step, or the forward of sampling, beside peers.
 *
 *   npm run bench -- train-step
 *   npm run bench -- sample --json
 *
 * What is compared, and how, stands in `README.md`.
 */
import { parseArgs } from "node:util";
import { LangevinError } from "../src/core/errors.ts";
import { alone, compare } from "./compare.ts";
import { differenceOf } from "./differences.ts";
import { networks } from "./networks.ts";
import { known, whole } from "./options.ts";
import { PeerError, PeerProcess } from "./peers/process.ts";
import type { Task } from "./peers/protocol.ts";
import { describeMachine, keep, type Row, report, rowOf } from "./report.ts";
import { langevin, type PeerName, peerNames, peers, type SideOptions } from "./sides.ts";

const HELP = `npm run bench -- <train-step|sample> [options]

  --network NAME    ${Object.keys(networks).join(" or ")}; may be repeated (all)
  --peer NAME       ${peerNames.join(" or ")}; may be repeated (all)
  --batch N         images of a step, instead of the network's own
  --threads N       threads of each side (2)
  --rounds N        rounds; in each, both sides make a few steps (7)
  --steps N         steps of each side in a round, less where they are slow (3)
  --budget S        seconds for the rounds of one row (120)
  --python PATH     a Python with torch and diffusers (LANGEVIN_PYTHON, or python3)
  --jax-js FOLDER   where npm i @jax-js/jax was run (LANGEVIN_JAX_JS, or this package)
  --json            print JSON and nothing else
  --write           keep the rows in bench/results.json
`;

const tasks: Record<string, Task> = { "train-step": "train-step", sample: "sample-forward" };

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      network: { type: "string", multiple: true, default: Object.keys(networks) },
      peer: { type: "string", multiple: true, default: [...peerNames] },
      batch: { type: "string" },
      threads: { type: "string", default: "2" },
      rounds: { type: "string", default: "7" },
      steps: { type: "string", default: "3" },
      budget: { type: "string", default: "120" },
      python: { type: "string", default: process.env.LANGEVIN_PYTHON ?? "python3" },
      "jax-js": { type: "string", default: process.env.LANGEVIN_JAX_JS },
      json: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help || positionals.length === 0) {
    process.stdout.write(HELP);
    return;
  }
  const names = positionals.map((name) => known("task", name, Object.keys(tasks)));
  const wanted = values.network.map((name) => known("network", name, Object.keys(networks)));
  const chosen = values.peer.map((name) => known("peer", name, peerNames));
  const threads = whole("threads", values.threads);
  const plan = {
    rounds: whole("rounds", values.rounds),
    steps: whole("steps", values.steps),
    budgetSeconds: whole("budget", values.budget),
  };
  const batch = values.batch === undefined ? undefined : whole("batch", values.batch);
  const options: SideOptions = { threads, python: values.python, jaxJs: values["jax-js"] };
  const say = (text: string) => process.stderr.write(`${text}\n`);

  const machine = describeMachine();
  const versions: Record<string, string> = {};
  const skipped: { peer: string; reason: string }[] = [];
  const rows: Row[] = [];
  const present: PeerName[] = [];
  for (const name of chosen) {
    const reason = await whyAbsent(name, options);
    if (reason === undefined) {
      present.push(name);
      continue;
    }
    skipped.push({ peer: name, reason });
    say(`${name} is skipped: ${reason} (to have it: ${peers[name].install})`);
  }
  for (const task of names) {
    for (const network of wanted) {
      const { network: fields, batch: own } = networks[network];
      const question = { task: tasks[task], network: fields, batch: batch ?? own };
      for (const name of present.length > 0 ? present : [undefined]) {
        say(`${task}, ${network}, batch ${question.batch}${name ? `, beside ${name}` : ""} …`);
        const differs = name && (await whyDifferent(name, options, network));
        const comparison =
          name && !differs
            ? await compare(langevin(options), peers[name].side(options), question, plan)
            : await alone(langevin(options), question, plan);
        const note = differs || comparison.note;
        Object.assign(versions, comparison.versions);
        rows.push(
          rowOf({ task, network, batch: question.batch, peer: name ?? null, threads }, { ...comparison, note }),
        );
      }
    }
  }

  const result = { rows, skipped, machine, versions };
  if (values.write) keep(result);
  process.stdout.write(values.json ? `${JSON.stringify(result, null, 2)}\n` : report(result));
}

/** Why a peer cannot be used here at all; undefined where it can. */
async function whyAbsent(name: PeerName, options: SideOptions): Promise<string | undefined> {
  // A question that it cannot answer: a side that is there says so.
  await using side = new PeerProcess(peers[name].side(options), ["--once", "{}"]);
  try {
    await side.line(120_000);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Why the figures of a peer would mean nothing: it does not compute what we do. */
async function whyDifferent(name: PeerName, options: SideOptions, network: string): Promise<string | undefined> {
  const { check } = peers[name];
  if (!check) return undefined;
  await using side = new PeerProcess(check(options, network));
  try {
    return differenceOf(JSON.parse(await side.line(300_000)));
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    return `it could not be compared with us: ${error.message}`;
  }
}

main().catch((error: unknown) => {
  const usage = (error as NodeJS.ErrnoException).code?.startsWith("ERR_PARSE_ARGS");
  const expected = usage || error instanceof LangevinError || error instanceof PeerError;
  process.stderr.write(`${expected ? (error as Error).message : ((error as Error).stack ?? error)}\n`);
  process.exitCode = expected ? 2 : 1;
});
