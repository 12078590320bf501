/**
 * How much faster two ranks train than one: images a second of K ranks of one thread, over K times those of one rank of one
 * thread, each with its own batch of the same size (1 is perfect).
 *
 *   node --import tsx bench/ranks.ts [--network digits] [--ranks 2] [--rounds 7] [--steps 10] [--mpirun mpirun] [--json]
 *
 * Rounds alternate: one rank, then K. The efficiency is the median over the rounds of the ratio within each, so what slows
 * the machine for longer than a round cancels out. Needs Open MPI or MPICH, and a machine with K cores that does nothing else.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ConfigError, LangevinError } from "../src/core/errors.ts";
import { networks } from "./networks.ts";
import { summary } from "./statistics.ts";

const HELP = `node --import tsx bench/ranks.ts [options]

  --network NAME   ${Object.keys(networks).join(" or ")} (digits)
  --batch N        images of each rank in a step, instead of the network's own
  --ranks K        ranks beside one (2)
  --rounds N       rounds; in each, one rank and K ranks train (7)
  --steps N        steps that are timed, after three that are not (10)
  --mpirun NAME    the launcher (mpirun)
  --json           print JSON and nothing else
`;

interface Round {
  /** Images a second. */
  one: number;
  all: number;
}

function main(): void {
  const { values } = parseArgs({
    options: {
      network: { type: "string", default: "digits" },
      batch: { type: "string" },
      ranks: { type: "string", default: "2" },
      rounds: { type: "string", default: "7" },
      steps: { type: "string", default: "10" },
      mpirun: { type: "string", default: "mpirun" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const { network, mpirun } = values;
  if (!networks[network])
    throw new ConfigError(`there is no network ${network}; give ${Object.keys(networks).join(" or ")}`);
  const [ranks, rounds, steps] = (["ranks", "rounds", "steps"] as const).map((name) => whole(name, values[name]));
  const batch = values.batch === undefined ? networks[network].batch : whole("batch", values.batch);
  const measured: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    const speed = (count: number) => train({ mpirun, count, network, batch, steps });
    const [one, all] = [speed(1), speed(ranks)];
    measured.push({ one, all });
    const part = (all / one / ranks).toFixed(3);
    process.stderr.write(`round ${round}: ${one.toFixed(1)} and ${all.toFixed(1)} images/s, efficiency ${part}\n`);
  }
  const efficiency = summary(measured.map(({ one, all }) => all / one / ranks));
  if (values.json) {
    process.stdout.write(
      `${JSON.stringify({ network, batch, ranks, steps, efficiency, rounds: measured }, null, 2)}\n`,
    );
    return;
  }
  const [low, high] = efficiency.quartiles.map((value) => value.toFixed(3));
  process.stdout.write(
    `${network}, batch ${batch} a rank: ${ranks} ranks of one thread have an efficiency of ${efficiency.median.toFixed(3)} (${low} to ${high})\n`,
  );
}

/** Images a second of some ranks. */
function train(job: { mpirun: string; count: number; network: string; batch: number; steps: number }): number {
  const { mpirun, count, network, batch, steps } = job;
  const script = fileURLToPath(new URL("ranks-job.ts", import.meta.url));
  const args = [script, "--network", network, "--batch", String(batch), "--steps", String(steps)];
  const env = { ...process.env, OMPI_ALLOW_RUN_AS_ROOT: "1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1" };
  const node = [process.execPath, "--import", import.meta.resolve("tsx"), ...args];
  const { status, stdout, stderr, error } = spawnSync(mpirun, ["-n", String(count), ...node], {
    encoding: "utf8",
    env,
  });
  if (error)
    throw new ConfigError(
      `${mpirun} cannot be started (${error.message}); install Open MPI or MPICH, or give --mpirun`,
    );
  if (status !== 0) throw new ConfigError(`${count} ranks ended with ${status}: ${stderr.trim()}`);
  return (JSON.parse(stdout) as { imagesPerSecond: number }).imagesPerSecond;
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new ConfigError(`--${name} is ${text}; give a whole number from 1`);
}

try {
  main();
} catch (error) {
  if (!(error instanceof LangevinError)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 1;
}
