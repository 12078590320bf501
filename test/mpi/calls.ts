/**
 * A rank that makes every call of a group, and prints what came of it as one line of JSON.
 *
 *   mpirun -n 3 node --import tsx test/mpi/calls.ts
 */
import { gather, gatherTexts, shareText } from "../../src/train/group.ts";
import { mpiGroup } from "../../src/train/mpi/group.node.ts";

await using group = await mpiGroup();
const { rank, size, threads, library } = group;
const large = new Float32Array(3_000_000).map((_, i) => (i % 1000) + rank); // 12 MB
const whole = new Float32Array(10).fill(7);
const [slab, empty, small, part] = await group.sum([
  large,
  new Float32Array(0),
  Float64Array.of(1 / 3, rank),
  whole.subarray(2, 5),
]);
const first = await group.broadcast([Int32Array.of(rank + 1, -5), Uint8Array.of(rank + 9)]);
await group.barrier();
const slabIsRight = slab.every((value, i) => value === size * (i % 1000) + (size * (size - 1)) / 2);
const line = {
  rank,
  size,
  threads,
  library,
  slabIsRight,
  empty: empty.length,
  small: [...small],
  part: [...part],
  untouched: [...whole].every((value) => value === 7),
  broadcast: first.map((array) => [...array]),
  gathered: (await gather(group, [rank * 1.5])).map((values) => [...values]),
  texts: await gatherTexts(group, `rank ${rank}`),
  text: await shareText(group, `of ${rank}`),
};
process.stdout.write(`${JSON.stringify(line)}\n`);
