/**
 * What gradient checkpointing saves: loss and gradients of a stack of 24 residual layers (3×3 convolutions, 64 channels,
 * 32×32, batch 16), kept whole, with a checkpoint at every layer, and with one at every fourth. Each form runs in a process
 * of its own; peak memory is that of the process less what it had before the session, time the median of its runs.
 *
 *   node --import tsx bench/checkpointing.ts
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Random } from "../src/core/random.ts";
import { sizeOf } from "../src/core/shape.ts";
import { gradients } from "../src/grad/gradients.ts";
import { convGeometry } from "../src/graph/geometry.ts";
import { type Graph, graphOf, inputsOf } from "../src/graph/graph.ts";
import { add, checkpoint, conv, input, mean, silu, square } from "../src/graph/ops.ts";
import { nodeRuntime } from "../src/runtime/node/session.ts";

const [LAYERS, CHANNELS, SIDE, BATCH, RUNS] = [24, 64, 32, 16, 5];

/** Layers behind one checkpoint; 0 for none. */
function stack(every: number): Graph {
  const geometry = convGeometry([SIDE, SIDE], [3, 3], { padding: 1 });
  const x = input("x", [BATCH, SIDE, SIDE, CHANNELS]);
  const weights = Array.from({ length: LAYERS }, (_, i) => input(`w${i}`, [9, CHANNELS, CHANNELS]));
  let hidden = x;
  let kept = x;
  for (const [layer, weight] of weights.entries()) {
    hidden = add(hidden, silu(conv(hidden, weight, geometry)));
    if (every > 0 && (layer + 1) % every === 0) {
      hidden = checkpoint(hidden, [kept]);
      kept = hidden;
    }
  }
  const loss = mean(square(hidden));
  const found = gradients(loss, weights);
  return graphOf({ loss, ...Object.fromEntries(found.map((gradient, i) => [`gradient${i}`, gradient])) });
}

interface Measured {
  every: number;
  peakMB: number;
  ms: number;
  loss: number;
  /** Sum of the absolute gradients of the first layer. */
  gradient: number;
}

const peakMB = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))![1]) / 1024;

async function measure(every: number): Promise<Measured> {
  const graph = stack(every);
  const random = Random.from(0);
  const scale = 1 / Math.sqrt(9 * CHANNELS);
  const feeds = Object.fromEntries(
    inputsOf(graph).map(({ name, shape }) => {
      const values = random.normals(sizeOf(shape));
      return [name, name === "x" ? values : values.map((value) => value * scale)];
    }),
  );
  const before = peakMB();
  await using session = await nodeRuntime().compile(graph, { preparation: "quick" });
  const times: number[] = [];
  let results = await session.run(feeds);
  for (let run = 0; run < RUNS; run++) {
    const began = performance.now();
    results = await session.run(feeds);
    times.push(performance.now() - began);
  }
  const gradient = (results.gradient0 as Float32Array).reduce((sum, value) => sum + Math.abs(value), 0);
  const ms = times.sort((a, b) => a - b)[RUNS >> 1];
  return { every, peakMB: peakMB() - before, ms, loss: results.loss[0], gradient };
}

const asked = process.argv.indexOf("--every");
if (asked > 0) {
  console.log(JSON.stringify(await measure(Number(process.argv[asked + 1]))));
} else {
  const rows = [0, 1, 2, 4, 6].map((every) => {
    const program = ["--import", "tsx", fileURLToPath(import.meta.url), "--every", String(every)];
    const { stdout } = spawnSync(process.execPath, program, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
    return JSON.parse(stdout) as Measured;
  });
  const [whole] = rows;
  console.log("| checkpoint at every | peak, MB | of the whole | time, ms | of the whole | same loss | gradient |");
  console.log("|---|---|---|---|---|---|---|");
  for (const { every, peakMB: peak, ms, loss, gradient } of rows) {
    const shares = [peak / whole.peakMB, ms / whole.ms].map((share) => share.toFixed(2));
    const name = every === 0 ? "none" : every === 1 ? "layer" : `${every} layers`;
    const same = gradient === whole.gradient ? "the same" : (gradient / whole.gradient - 1).toExponential(1);
    console.log(
      `| ${name} | ${peak.toFixed(0)} | ${shares[0]} | ${ms.toFixed(0)} | ${shares[1]} | ${loss === whole.loss} | ${same} |`,
    );
  }
}
