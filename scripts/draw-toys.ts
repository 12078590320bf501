/**
 * The picture of the recipes on points of the plane: what each run draws, over real points.
 *
 *   node --import tsx scripts/draw-toys.ts docs/pictures/toys.png runs/toy-ddpm runs/toy-score runs/toy-flow runs/toy-edm
 */
import { openForDrawing } from "../src/cli/model.ts";
import { writeChart } from "../src/io/chart.node.ts";
import { pointsPanel } from "../src/pipelines/points.ts";
import { sample } from "../src/pipelines/sample.ts";

const [out, ...folders] = process.argv.slice(2);
const panels = [];
for (const folder of folders) {
  const { request, real, data, model } = await openForDrawing(folder, { device: "cpu" });
  const { images } = await sample(request);
  panels.push(pointsPanel(images, real, `${model.run?.recipe}: ${data}`));
}
await writeChart(out, { panels, columns: panels.length, width: 180, height: 180, bare: true });
