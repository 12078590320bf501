/**
 * A project for tests of the command line: a folder with six small images and a recipe that takes milliseconds.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { Random } from "../../core/random.ts";
import { writePng } from "../../io/picture.node.ts";
import type { RecipeOptions } from "../../recipes/recipe.ts";
import { runCommandLine } from "../program.ts";

export const tinyRecipe: RecipeOptions = {
  name: "tiny",
  about: "a recipe for tests",
  network: {
    unet: {
      sample_size: 8,
      in_channels: 1,
      out_channels: 1,
      block_out_channels: [8],
      layers_per_block: 1,
      down_block_types: ["DownBlock2D"],
      up_block_types: ["UpBlock2D"],
      attention_head_dim: null,
      norm_num_groups: 4,
    },
  },
  objective: { path: { name: "linear", timesteps: 20 }, prediction: "noise" },
  data: { name: "folder", path: "images", size: 8, channels: 1 },
  training: { steps: 6, batch: 4, threads: 1, learningRate: { peak: 1e-3 } },
  sampling: { solver: { name: "ddim", steps: 2 }, count: 4 },
};

export interface Project {
  folder: string;
  remove(): Promise<void>;
}

/** Makes the project and goes there. */
export async function openProject(): Promise<Project> {
  const folder = await mkdtemp(join(tmpdir(), "langevin-cli-"));
  const before = process.cwd();
  await mkdir(join(folder, "images"));
  for (let i = 0; i < 6; i++) {
    const random = Random.from(i);
    const data = Uint8Array.from({ length: 64 }, () => random.integer(256));
    await writePng(join(folder, "images", `${i}.png`), { width: 8, height: 8, channels: 1, data });
  }
  await writeFile(join(folder, "langevin.config.json"), JSON.stringify(tinyRecipe));
  process.chdir(folder);
  return {
    folder,
    async remove() {
      process.chdir(before);
      await rm(folder, { recursive: true });
    },
  };
}

export interface Ran {
  exitCode: number;
  out: string;
  error: string;
}

/** Runs a command line in this process, and collects what it prints. */
export async function run(...args: string[]): Promise<Ran> {
  const printed = { out: "", error: "" };
  const spies = [
    vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      printed.out += text;
      return true;
    }),
    vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      printed.error += text;
      return true;
    }),
  ];
  try {
    const exitCode = await runCommandLine(args);
    return { exitCode, ...printed };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
