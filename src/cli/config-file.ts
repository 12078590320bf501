/**
 * A project's own recipes: `langevin.config.ts` (or .mts, .js, .mjs, .json) in the working directory, whose default export is
 * a recipe or a list of recipes, as `defineRecipe` makes them or as plain objects.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ConfigError, LangevinError } from "../core/errors.ts";
import { readJson } from "../io/files.node.ts";
import { parseRecipe, type Recipe } from "../recipes/recipe.ts";

export const configFiles = [".ts", ".mts", ".js", ".mjs", ".json"].map((ending) => `langevin.config${ending}`);

/** The recipes of a project by name; none without a configuration file. A ConfigError names the file. */
export async function projectRecipes(folder: string): Promise<Record<string, Recipe>> {
  const found = configFiles.filter((name) => existsSync(join(folder, name)));
  if (found.length === 0) return {};
  if (found.length > 1) throw new ConfigError(`${folder} has ${found.join(" and ")}; keep one of them`);
  const [file] = found;
  const exported = await load(join(folder, file), file);
  const list: unknown[] = Array.isArray(exported) ? exported : [exported];
  const recipes: Record<string, Recipe> = {};
  for (const [i, value] of list.entries()) {
    const recipe = parseRecipe(value, list.length > 1 ? `${file}: recipe ${i + 1}` : file);
    if (Object.hasOwn(recipes, recipe.name)) throw new ConfigError(`${file} has two recipes named ${recipe.name}`);
    recipes[recipe.name] = recipe;
  }
  return recipes;
}

async function load(path: string, file: string): Promise<unknown> {
  if (path.endsWith(".json")) return await readJson(path);
  let module: { default?: unknown };
  try {
    module = await import(pathToFileURL(path).href);
  } catch (error) {
    if (error instanceof LangevinError) throw new ConfigError(`${file}: ${error.message}`, { cause: error });
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ERR_UNKNOWN_FILE_EXTENSION") {
      throw new ConfigError(`${file}: this Node does not read TypeScript; start it with --import tsx, or write .mjs`);
    }
    throw new ConfigError(`${file} cannot be loaded: ${message.split("\n")[0]}`, { cause: error });
  }
  if (module.default === undefined) {
    throw new ConfigError(`${file} has no default export; write: export default defineRecipe({ … })`);
  }
  return module.default;
}
