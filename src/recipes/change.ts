/**
 * Changes to a recipe, as a command line makes them. Each gives a new recipe, checked as a whole.
 */
import { ConfigError } from "../core/errors.ts";
import { didYouMean } from "../core/suggest.ts";
import { toyNames } from "../data/toy.ts";
import { networkFrom } from "../train/network-config.ts";
import { dataSchemas } from "./data.ts";
import { parseRecipe, type Recipe } from "./recipe.ts";

type Fields = Record<string, unknown>;

/**
 * The recipe with one field changed: `path` is the way to it, such as `training.learningRate.peak`; `value` is JSON, or text
 * where it is none. A value of `null` leaves a field out that may be absent. Raises a ConfigError for a field that does not exist, or a
 * value that does not fit.
 */
export function withField(recipe: Recipe, path: string, value: string): Recipe {
  return withFields(recipe, [`${path}=${value}`]);
}

/**
 * The recipe with the changes of `key=value` texts, made one after the other and checked together: two fields that only fit
 * each other can be changed at once.
 */
export function withFields(recipe: Recipe, assignments: readonly string[]): Recipe {
  const changed = structuredClone(recipe) as unknown as Fields;
  const nulls: (() => void)[] = [];
  for (const assignment of assignments) {
    const equals = assignment.indexOf("=");
    if (equals < 1) {
      throw new ConfigError(`"${assignment}" sets nothing; write field=value, such as training.batch=32`);
    }
    const path = assignment.slice(0, equals).trim();
    const { fields, last } = placeOf(recipe, changed, path);
    fields[last] = jsonOrText(assignment.slice(equals + 1).trim());
    if (fields[last] === null) nulls.push(() => fields[last] === null && delete fields[last]);
  }
  const label = `recipe ${recipe.name}`;
  try {
    return parseRecipe(changed, label);
  } catch (error) {
    if (nulls.length === 0 || !(error instanceof ConfigError)) throw error;
    for (const leaveOut of nulls) leaveOut();
    return parseRecipe(changed, label);
  }
}

/** Where a field stands, whether or not it is there yet. */
function placeOf(recipe: Recipe, changed: Fields, path: string): { fields: Fields; last: string } {
  const names = path.split(".");
  const last = names.pop()!;
  let fields: Fields = changed;
  for (const name of names) {
    const next = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (typeof next !== "object" || next === null) throw unknownField(recipe, path);
    fields = next as Fields;
  }
  if (names.length === 0 && !Object.hasOwn(fields, last)) throw unknownField(recipe, path);
  return { fields, last };
}

function jsonOrText(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function unknownField(recipe: Recipe, path: string): ConfigError {
  const known = fieldsOf(recipe as unknown as Fields, "");
  const last = path.split(".").at(-1);
  const sameEnd = known.filter((field) => field.split(".").at(-1) === last);
  const hint = sameEnd.length > 0 ? `Did you mean ${sameEnd.join(", ")}?` : didYouMean(path, known);
  return new ConfigError(`recipe ${recipe.name} has no field ${path}. ${hint}`);
}

/** Every field that holds no other fields. */
function fieldsOf(value: Fields, prefix: string): string[] {
  return Object.entries(value).flatMap(([name, inner]) => {
    const isFields = typeof inner === "object" && inner !== null && !Array.isArray(inner);
    return isFields ? fieldsOf(inner as Fields, `${prefix}${name}.`) : [prefix + name];
  });
}

/**
 * The recipe for images of another size. The levels of the U-Net keep their widths, and attention stays at the
 * resolutions where it is. Raises a ConfigError where the size cannot be halved as often as the network does.
 */
export function withSize(recipe: Recipe, size: number): Recipe {
  const { unet, patch = 1 } = recipe.network;
  if (!unet) throw new ConfigError(`the network of ${recipe.name} has no pixels; --size is for folders of images`);
  const { block_out_channels: widths, down_block_types: down, sample_size: old } = unet;
  const least = patch * 2 ** (widths.length - 1);
  if (!Number.isInteger(size) || size < 1 || size % least !== 0) {
    const below = Math.max(least, Math.floor(size / least) * least);
    throw new ConfigError(
      `the network of ${recipe.name} halves its images ${widths.length - 1} times` +
        `${patch > 1 ? ` after cutting patches of ${patch}` : ""}: size must be a multiple of ${least}, not ${size}; try ${below} or ${below + least}`,
    );
  }
  if (recipe.data.name !== "folder") {
    throw new ConfigError(
      `the images of ${recipe.data.name} have one size; --size is for folders of images (--data folder)`,
    );
  }
  const before = typeof old === "number" ? old : old![0];
  const attended = new Set(down.flatMap((type, level) => (type === "AttnDownBlock2D" ? [before / 2 ** level] : [])));
  const attends = widths.map((_, level) => attended.has(size / patch / 2 ** level));
  const network = {
    ...recipe.network,
    unet: {
      ...unet,
      sample_size: size / patch,
      down_block_types: attends.map((attend) => (attend ? "AttnDownBlock2D" : "DownBlock2D")),
      up_block_types: attends.toReversed().map((attend) => (attend ? "AttnUpBlock2D" : "UpBlock2D")),
    },
  };
  return parseRecipe({ ...recipe, network, data: { ...recipe.data, size } }, `recipe ${recipe.name}`);
}

/** The recipe on other data: `digits`, `fashion`, a distribution of points, or the path of a folder of images. */
export function withData(recipe: Recipe, data: string): Recipe {
  const [channels, size] = networkFrom(recipe.network).imageShape;
  const was = recipe.data;
  let changed: unknown = { name: "folder", size, channels, path: data };
  if (data !== "folder" && Object.hasOwn(dataSchemas, data)) changed = { name: data };
  else if (recipe.network.mlp) {
    throw new ConfigError(
      `the network of ${recipe.name} takes points of the plane, not ${JSON.stringify(data)}; --data takes one of ` +
        `${toyNames.join(", ")} for it`,
    );
  } else if (was.name === "folder") changed = { ...was, path: data };
  return parseRecipe({ ...recipe, data: changed }, `recipe ${recipe.name}`);
}
