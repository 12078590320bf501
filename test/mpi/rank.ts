/**
 * A rank that trains the run of `run.ts`, and leaves the state in a folder.
 *
 *   mpirun -n 2 node --import tsx test/mpi/rank.ts FOLDER NETWORK STEPS BATCH
 *
 * Goes on with the state in the folder, if there is one. Every rank prints the digest of its own state.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { loadCheckpoint, mpiGroup, STATE_FILE, saveCheckpoint } from "../../src/train/index.node.ts";
import { slabNames } from "../../src/train/state.ts";
import { train } from "../../src/train/train.ts";
import { runOf } from "./run.ts";

const [folder, name, steps, batch] = process.argv.slice(2);
await using group = await mpiGroup();
const options = runOf(name, { steps: Number(steps), batch: Number(batch), replicas: 1 });
const { network } = options;
const first = group.rank === 0;
const from = first && existsSync(join(folder, STATE_FILE)) ? await loadCheckpoint(folder, network) : undefined;
const training = train({ ...options, group, from });
for await (const _ of training);
if (first) await saveCheckpoint(folder, network, training.state());
const hash = createHash("sha256");
for (const slab of slabNames) for (const values of training.state().slabs[slab]) hash.update(values);
process.stdout.write(`${JSON.stringify({ rank: group.rank, step: training.step, digest: hash.digest("hex") })}\n`);
