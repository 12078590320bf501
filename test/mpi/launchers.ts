/**
 * The implementations of MPI on this machine, and how the tests start ranks with them. Where there is none, the tests that
 * need one are skipped, with a word.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Launcher {
  readonly name: "Open MPI" | "MPICH";
  readonly command: string;
  readonly options: readonly string[];
  readonly library: string;
}

/** More ranks than cores, and Debian's containers run as root. */
const env = { ...process.env, OMPI_ALLOW_RUN_AS_ROOT: "1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1" };

function find(commands: readonly string[], says: RegExp): string | undefined {
  return commands.find((command) => {
    const { stdout, status } = spawnSync(command, ["--version"], { encoding: "utf8" });
    return status === 0 && says.test(stdout);
  });
}

function installed(): Launcher[] {
  const openMpi = find(["mpirun.openmpi", "mpirun"], /Open MPI/);
  const mpich = find(["mpirun.mpich", "mpiexec.hydra", "mpirun"], /HYDRA/);
  return [
    ...(openMpi
      ? [{ name: "Open MPI" as const, command: openMpi, options: ["--oversubscribe"], library: "libmpi.so.40" }]
      : []),
    ...(mpich ? [{ name: "MPICH" as const, command: mpich, options: [], library: "libmpich.so.12" }] : []),
  ];
}

export const launchers: readonly Launcher[] = installed();

if (launchers.length === 0)
  console.warn("the tests of MPI are skipped: there is no mpirun here (apt-get install openmpi-bin)");

export interface Ended {
  readonly exitCode: number | null;
  readonly out: string;
  readonly error: string;
}

/** Ranks under way. */
export interface Running {
  /** The process of a rank, once all have said theirs. */
  pid(rank: number): Promise<number>;
  /** Resolves when the ranks have printed something that matches. */
  printed(pattern: RegExp): Promise<void>;
  readonly ended: Promise<Ended>;
}

/** Each rank says its process id and becomes the command. */
const announce = 'echo "rank $' + "{OMPI_COMM_WORLD_RANK:-$PMI_RANK} is $$" + '" >&2; exec "$@"';
const started = new Set<ChildProcess>();

/** Starts `size` ranks of a TypeScript file. */
export function launch(
  { command, options }: Launcher,
  size: number,
  [file, ...args]: readonly string[],
  more: { env?: Record<string, string>; cwd?: string } = {},
): Running {
  const node = [process.execPath, "--import", import.meta.resolve("tsx"), file, ...args];
  const child = spawn(command, [...options, "-n", String(size), "sh", "-c", announce, "sh", ...node], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...env, ...more.env },
    cwd: more.cwd,
  });
  started.add(child);
  const said = { out: "", error: "" };
  const seen: (() => void)[] = [];
  const hear = (which: "out" | "error") => (data: Buffer) => {
    said[which] += data;
    for (const look of seen) look();
  };
  child.stdout.on("data", hear("out"));
  child.stderr.on("data", hear("error"));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exitCode) => {
      started.delete(child);
      resolve({ exitCode, ...said });
    });
  });
  const until = <T>(find: () => T | undefined, what: string) =>
    new Promise<T>((resolve, reject) => {
      const look = () => {
        const found = find();
        if (found !== undefined) resolve(found);
      };
      seen.push(look);
      look();
      ended.then(() => reject(new Error(`the ranks ended before ${what}: ${said.out}${said.error}`)), reject);
    });
  return {
    ended,
    async pid(rank) {
      const pattern = new RegExp(`rank ${rank} is (\\d+)`);
      return Number(await until(() => pattern.exec(said.error)?.[1], `rank ${rank} said its process`));
    },
    async printed(pattern) {
      await until(() => (pattern.test(said.out + said.error) ? true : undefined), `they printed ${pattern}`);
    },
  };
}

/** Ends what a failed test left behind. */
export function endAll(): void {
  for (const child of started) child.kill("SIGKILL");
}

export const pathOf = (name: string, base: string): string => fileURLToPath(new URL(name, base));
