import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { projectRecipes } from "./config-file.ts";
import { tinyRecipe } from "./testing/project.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "langevin-config-"));
});
afterEach(() => rm(folder, { recursive: true }));
const write = (name: string, text: string) => writeFile(join(folder, name), text);
const json = JSON.stringify(tinyRecipe);

describe("a project's own recipes", () => {
  it("are none without a file", async () => {
    expect(await projectRecipes(folder)).toEqual({});
  });

  it.each([
    ["langevin.config.ts", `type Named = { name: string };\nexport default ${json} satisfies Named;`],
    ["langevin.config.mjs", `export default [${json}, { ...${json}, name: "other" }];`],
    ["langevin.config.json", json],
  ])("are read from %s", async (name, text) => {
    await write(name, text);
    const recipes = await projectRecipes(folder);
    expect(recipes.tiny).toMatchObject({ training: { batch: 4, accumulate: 1 } });
    expect(Object.keys(recipes)).toEqual(name.endsWith(".mjs") ? ["tiny", "other"] : ["tiny"]);
  });

  it.each([
    [
      "langevin.config.mjs",
      `export default { ...${json}, trainin: {} };`,
      /^langevin\.config\.mjs: unknown field trainin/,
    ],
    ["langevin.config.mjs", `export default [${json}, ${json}];`, /two recipes named tiny/],
    ["langevin.config.mjs", `export const recipe = ${json};`, /langevin\.config\.mjs has no default export/],
    ["langevin.config.mjs", "export default {", /^langevin\.config\.mjs cannot be loaded/],
    ["langevin.config.json", "{", /langevin\.config\.json is not JSON/],
    ["langevin.config.json", "3", /^langevin\.config\.json: /],
  ])("%s that is wrong is named: %s", async (name, text, message) => {
    await write(name, text);
    await expect(projectRecipes(folder)).rejects.toThrow(message);
  });

  it("are refused from two files", async () => {
    await write("langevin.config.json", json);
    await write("langevin.config.mjs", `export default ${json};`);
    await expect(projectRecipes(folder)).rejects.toThrow(ConfigError);
    await expect(projectRecipes(folder)).rejects.toThrow(/keep one/);
  });
});
