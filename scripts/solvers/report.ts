/**
 * Writes docs/solvers.md: the order and the errors of every deterministic solver (measured now), and the quality of pictures
 * against evaluations (from docs/solvers-quality.json, which quality.ts makes), with a picture of both.
 *
 *   node --import tsx scripts/solvers/report.ts
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { writeChart } from "../../src/io/chart.node.ts";
import type { Chart, Series } from "../../src/io/chart.ts";
import type { ScaleName } from "../../src/io/ticks.ts";
import { convergenceOfAll, evaluations } from "./orders.ts";
import type { Quality } from "./quality.ts";

const QUALITY = "docs/solvers-quality.json";
const table = (rows: readonly (readonly string[])[]) => rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
const problemNames = { edm: "EDM", line: "straight line", linear: "1000 linear betas" };

const all = await convergenceOfAll();
const orderRows = all.map(({ row, order, errors }) => [
  row.label,
  problemNames[row.problem],
  String(row.order),
  order.toFixed(2),
  ...errors.map((error) => (Number.isNaN(error) ? "" : error.toExponential(1))),
]);
const lines = (series: readonly Series[], title: string, label: string, scale: ScaleName): Chart => ({
  width: 460,
  height: 320,
  panels: [
    {
      title,
      x: { label: "evaluations", scale: "log" },
      y: { label, scale },
      series,
    },
  ],
});
await writeChart(
  "docs/pictures/solver-errors.png",
  lines(
    all
      .filter(({ row }) => row.problem === "edm")
      .map(({ row, errors }) => ({ label: row.label, x: [...evaluations], y: errors })),
    "Gaussian data, Karras' levels",
    "error of the end point",
    "log",
  ),
);

const quality: Quality[] = existsSync(QUALITY) ? JSON.parse(readFileSync(QUALITY, "utf8")) : [];
const columns = [...new Set(quality.map((row) => row.evaluations))].sort((a, b) => a - b);
const names = [...new Set(quality.map((row) => row.solver))];
const found = (solver: string, calls: number) =>
  quality.find((row) => row.solver === solver && row.evaluations === calls);
const qualityRows = names.map((name) => [
  name,
  ...columns.map((calls) => found(name, calls)?.frechet.toFixed(1) ?? ""),
]);
if (quality.length > 0) {
  const shown = columns.filter((calls) => calls <= 100);
  const best = names
    .filter((name) => shown.every((calls) => found(name, calls)))
    .sort((a, b) => found(a, shown[0])!.frechet - found(b, shown[0])!.frechet);
  await writeChart(
    "docs/pictures/solver-quality.png",
    lines(
      best.slice(0, 9).map((name) => ({ label: name, x: shown, y: shown.map((calls) => found(name, calls)!.frechet) })),
      "digits of one network",
      "distance to real digits",
      "linear",
    ),
  );
}

writeFileSync(
  "docs/solvers.md",
  `# Solvers

Made by \`node --import tsx scripts/solvers/report.ts\`; the numbers of pictures by \`scripts/solvers/quality.ts\`.

## Where the answer is known

Data N(0.3, 0.5²), whose perfect denoiser is a formula: the deterministic solvers follow the probability flow, and its end
point is known exactly. On the EDM path from x = 80 at σ = 80, on Karras' levels (ρ = 7, 0.002 to 80, then 0); on the straight
line from x = 1 at t = 1; on 1000 linear betas from x = 1 at t = 999. The error is |x − exact| after at most so many calls of
the denoiser. The order is the slope of the error over the last doubling of the steps (5 to 160) that is well above the
rounding: of float32, or, on betas, of whole timesteps. Multistep methods begin with a step of lower order (LMS with Euler's),
which weighs on their slopes; third-order DPM++ multistep is of second order as published, because its last coefficient is half
of what the Taylor series has. UniPC's corrector adds one to the order of its predictor.

${table([
  ["solver", "path", "textbook order", "measured", ...evaluations.map((calls) => `error at ${calls}`)],
  ["---", "---", ...new Array<string>(2 + evaluations.length).fill("---:")],
  ...orderRows,
])}

![Errors against evaluations](pictures/solver-errors.png)
${
  quality.length === 0
    ? ""
    : `
## Where pictures count

One network on 1000 linear betas, which predicts v (2,400 steps, 7 minutes, seed 0, no guidance):

\`\`\`sh
npm run langevin -- train digits-teacher --steps 2400 --out runs/table \\
  --set 'objective.path={"name":"linear","timesteps":1000}' \\
  --set 'objective.time={"name":"uniformDiscrete","timesteps":1000}'
node --import tsx scripts/solvers/quality.ts --run runs/table --count 300
\`\`\`

It draws ${quality[0].count} digits by every solver from the same noise. Fréchet distance
of the digits classifier's features (not an FID) against the calls of the network for each picture; real digits against real ones
are at ${(quality.reduce((sum, row) => sum + row.real, 0) / quality.length).toFixed(1)}. Solvers that call the network more than once a step take fewer steps.

${table([
  ["solver", ...columns.map((calls) => `${calls} calls`)],
  ["---", ...columns.map(() => "---:")],
  ...qualityRows,
])}

![Quality against evaluations](pictures/solver-quality.png)

Every deterministic solver follows the same flow, and is at its end within 10 calls: what is left is the network's own
error, which more calls only follow more closely. A solver that adds noise mends at one level what the network got wrong at the
one before, and comes nearer to real digits with 50 calls, nearest with 1,000. DDIM stands without
clipping, as published; where each predicted picture is clipped and the noise follows (\`noiseFromClipped\`), its row is Euler's, and
where the noise does not follow, 50 calls are at 26.3. The predictor-corrector is made for hundreds of calls.
`
}`,
);
