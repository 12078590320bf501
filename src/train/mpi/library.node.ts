/**
 * Finds the library of MPI that fits the launcher, through koffi: the ranks of a launcher find each other only with its own
 * library. LANGEVIN_MPI names another one.
 */
import type { LibraryHandle } from "koffi";
import { GroupError } from "../../core/errors.ts";
import { type Abi, abiOf } from "./abi.node.ts";
import type { Environment, Implementation, Launcher } from "./launcher.node.ts";

export type Koffi = typeof import("koffi");

export interface MpiLibrary {
  readonly library: LibraryHandle;
  readonly abi: Abi;
  /** As it was found. */
  readonly path: string;
}

const linux: Readonly<Record<Implementation, readonly string[]>> = {
  "Open MPI": ["libmpi.so.40", "libmpi.so"],
  MPICH: ["libmpich.so.12", "libmpi.so.12", "libmpich.so", "libmpi.so"],
};
const mac: typeof linux = {
  "Open MPI": ["libmpi.40.dylib", "libmpi.dylib"],
  MPICH: ["libmpi.12.dylib", "libmpich.12.dylib", "libmpi.dylib"],
};
/** Where Homebrew and others put libraries, which Node does not search. */
const macFolders = ["", "/opt/homebrew/lib/", "/usr/local/lib/", "/opt/local/lib/"];

/** Names under which the library of an implementation is looked for. */
function namesOf(implementation: Implementation, platform: string): string[] {
  if (platform === "darwin") return macFolders.flatMap((folder) => mac[implementation].map((name) => folder + name));
  return [...linux[implementation]];
}

/** koffi, an optional dependency. Raises a GroupError where it is not installed. */
export async function loadKoffi(load: () => Promise<unknown> = () => import("koffi")): Promise<Koffi> {
  try {
    const loaded = (await load()) as Koffi & { default?: Koffi };
    return loaded.default ?? loaded;
  } catch (error) {
    const [message] = String((error as Error).message).split("\n");
    throw new GroupError(
      `MPI is reached through the package koffi, which cannot be loaded (${message}); npm install koffi`,
    );
  }
}

/** Raises a GroupError that says what was tried. */
export function findLibrary(
  koffi: Pick<Koffi, "load">,
  launcher: Launcher,
  env: Environment,
  platform: string = process.platform,
): MpiLibrary {
  const open = (path: string): MpiLibrary => {
    // Open MPI's components look its symbols up in the whole process.
    const library = koffi.load(path, { global: true });
    return { library, abi: abiOf(library), path };
  };
  const started = `${launcher.name} started ${launcher.size === undefined ? "this process" : `${launcher.size} ranks`}`;
  const named = env.LANGEVIN_MPI;
  if (named) {
    try {
      return open(named);
    } catch (error) {
      const [message] = String((error as Error).message).split("\n");
      throw new GroupError(`LANGEVIN_MPI names ${named}, which is no library of MPI that can be loaded: ${message}`);
    }
  }
  const wanted: Implementation[] = launcher.implementation ? [launcher.implementation] : ["Open MPI", "MPICH"];
  const tried: string[] = [];
  for (const implementation of wanted) {
    for (const name of namesOf(implementation, platform)) {
      try {
        const found = open(name);
        if (found.abi.implementation === implementation) return found;
      } catch {}
      tried.push(name);
    }
  }
  throw new GroupError(
    `${started}, but no library of ${wanted.join(" or ")} was found (tried ${tried.join(", ")}); install it on every machine, ` +
      "or name it: LANGEVIN_MPI=/path/to/libmpi.so",
  );
}

/**
 * Raises a GroupError unless the library counts the ranks that the launcher started: a library of another implementation takes
 * every rank for the only one, and each would write the run.
 */
export function checkSize(launcher: Launcher, found: { size: number; path: string; version: string }): void {
  const { name, size, rank = 0 } = launcher;
  if (size === undefined ? rank < found.size : size === found.size) return;
  throw new GroupError(
    `${name} started ${size ?? "several"} ranks, but ${found.path} (${found.version}) counts ${found.size}: launcher and library are ` +
      "not of the same MPI. Start with the mpirun that belongs to the library, or name the launcher's: LANGEVIN_MPI=/path/to/libmpi.so",
  );
}
