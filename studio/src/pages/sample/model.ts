/**
 * A trained model as the page opens it: from this browser, from the package, from the server, or from a folder or a zip on
 * disk. The weights themselves are read by the engine; the page reads what the run says, and the sum of its weights, by
 * which a link tells one run from another of the same name.
 */
import {
  decodeRun,
  FileAccessError,
  type ModelSource,
  networkFrom,
  objectiveFrom,
  type Path,
  parseSampling,
  type SolverConfig,
  unzipRun,
} from "langevin/browser";
import { browserRuns, servedFiles } from "../../lib/runs.ts";
import type { FormModel } from "./form.svelte.ts";
import type { ModelName } from "./settings.ts";

export interface Model extends FormModel {
  readonly name: ModelName;
  readonly from: ModelSource;
  /** [C, H, W] */
  readonly imageShape: readonly number[];
  /** "digits-long, 28 × 28" */
  readonly about: string;
  /** The first 16 hexadecimal digits of the SHA-256 of the weights' file. */
  readonly weights: string;
}

/** Files with weights, the first that is there counts: the order of the library. */
const WEIGHT_FILES = [
  "ema.safetensors",
  "model.safetensors",
  "diffusion_pytorch_model.safetensors",
  "state.safetensors",
];

type Read = (file: string) => Promise<Uint8Array<ArrayBuffer> | undefined>;
type Files = Readonly<Record<string, Uint8Array<ArrayBuffer>>>;

/** The name of the model that comes with the package. */
export const shipped: ModelName = { source: "shipped", name: "digits" };

/**
 * Opens a model; `files`: those of a folder on disk. Raises a FileAccessError that says what is missing, and what a
 * `run.json` that is damaged or of another version raises.
 */
export async function openModel(name: ModelName, files?: Files): Promise<Model> {
  const from = sourceOf(name, files);
  const read = reader(from);
  const title = name.name;
  const described = await read("run.json");
  if (!described) throw new FileAccessError(missing(name));
  const run = decodeRun(described, `${title}/run.json`);
  const { path }: { path: Path } = objectiveFrom(run.objective);
  const network = networkFrom(run.network);
  const [channels, height, width] = network.imageShape;
  if (channels !== 1 && channels !== 3) {
    throw new FileAccessError(
      `${title} draws points, not pictures (its recipe is ${run.recipe ?? "not named"}); the Playground shows such runs`,
    );
  }
  let weights: Uint8Array<ArrayBuffer> | undefined;
  for (const file of WEIGHT_FILES) weights ??= await read(file);
  if (!weights) throw new FileAccessError(`${title} holds no weights yet: none of ${WEIGHT_FILES.join(", ")} is there`);
  const sampling = parseSampling(run.sampling ?? {}, `${title}/run.json`);
  return {
    name,
    from,
    path,
    imageShape: network.imageShape,
    classes: network.classes === undefined ? 0 : network.classes - 1,
    own: sampling.solver as SolverConfig,
    guidance: sampling.guidance,
    about: `${run.recipe ?? "no recipe"}, ${width} × ${height}, ${channels === 1 ? "grey" : "colour"}`,
    weights: await sumOf(weights),
  };
}

function sourceOf({ source, name }: ModelName, files?: Files): ModelSource {
  if (source === "browser") return { run: name };
  if (source === "server") return { address: servedFiles(name) };
  if (source === "shipped") return { address: new URL(`models/${encodeURIComponent(name)}/`, document.baseURI).href };
  if (files) return { files, name };
  throw new FileAccessError(`${name} lies on a disk: choose its folder or its zip again`);
}

function reader(from: ModelSource): Read {
  if ("run" in from) return (file) => browserRuns().read(from.run, file);
  if ("files" in from) return async (file) => from.files[file] as Uint8Array<ArrayBuffer> | undefined;
  return async (file) => {
    const response = await fetch(from.address + file);
    // A static host may answer with a page where there is no file.
    if (!response.ok || response.headers.get("content-type")?.startsWith("text/html")) return undefined;
    return new Uint8Array(await response.arrayBuffer());
  };
}

function missing({ source, name }: ModelName): string {
  const where = {
    browser: `this browser keeps no run ${name}: it was trained in another one, or was removed`,
    server: `the server has no run ${name}`,
    shipped: `this copy of the studio comes without the model ${name}`,
    disk: `${name} is no run folder: it holds no run.json. Choose the folder of a run, such as runs/digits`,
  };
  return where[source];
}

async function sumOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...sum.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * What is needed of the files that a user chose: a zip, or the files of a folder with their paths. Raises a FileFormatError
 * for a zip that is none, a FileAccessError where there is no run.
 */
export async function filesOfDisk(list: readonly File[]): Promise<{ name: string; files: Files }> {
  const [first] = list;
  if (list.length === 1 && /\.zip$/i.test(first.name)) {
    const files = unzipRun(new Uint8Array(await first.arrayBuffer()));
    return { name: first.name.replace(/\.zip$/i, ""), files: Object.fromEntries(files) };
  }
  const described = list.find(({ name }) => name === "run.json");
  const name = described?.webkitRelativePath.split("/").at(-2) || first.webkitRelativePath.split("/")[0] || first.name;
  if (!described) throw new FileAccessError(missing({ source: "disk", name }));
  const folder = described.webkitRelativePath.slice(0, -"run.json".length);
  const wanted = ["run.json", "config.json", ...WEIGHT_FILES];
  const found = list.filter((file) => wanted.includes(file.name) && file.webkitRelativePath === folder + file.name);
  // The state is four times as large as the weights: it is left on the disk where they are there.
  const needed = found.filter(({ name }) => name !== "state.safetensors" || found.length <= 3);
  const read = needed.map(async (file) => [file.name, new Uint8Array(await file.arrayBuffer())] as const);
  return { name, files: Object.fromEntries(await Promise.all(read)) };
}
