/**
 * Who started this process: mpirun, srun, or nobody. Launchers tell their ranks by the environment:
 *
 *   Open MPI            OMPI_COMM_WORLD_SIZE, OMPI_COMM_WORLD_RANK
 *   MPICH (Hydra), and Slurm's --mpi=pmi2    PMI_SIZE, PMI_RANK
 *   Slurm's --mpi=pmix  PMIX_RANK, with the size in SLURM_STEP_NUM_TASKS; it serves Open MPI and MPICH
 */
import { GroupError } from "../../core/errors.ts";

export type Implementation = "Open MPI" | "MPICH";

export interface Launcher {
  /** As messages call it. */
  readonly name: string;
  /** Whose library its ranks need; undefined where the launcher serves both. */
  readonly implementation?: Implementation;
  readonly rank?: number;
  /** Ranks that it started, where it says so. */
  readonly size?: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The launcher of this process; undefined for a process on its own, also where a launcher started one alone. Raises a GroupError
 * where srun started several tasks that cannot find each other.
 */
export function launcherOf(env: Environment): Launcher | undefined {
  const number = (name: string) => (/^\d+$/.test(env[name] ?? "") ? Number(env[name]) : undefined);
  const found = ((): Launcher | undefined => {
    if (number("OMPI_COMM_WORLD_SIZE") !== undefined) {
      const [size, rank] = [number("OMPI_COMM_WORLD_SIZE"), number("OMPI_COMM_WORLD_RANK")];
      return { name: "mpirun of Open MPI", implementation: "Open MPI", size, rank };
    }
    if (number("PMI_SIZE") !== undefined) {
      const name = env.SLURM_STEP_ID === undefined ? "mpirun of MPICH" : "srun --mpi=pmi2";
      return { name, implementation: "MPICH", size: number("PMI_SIZE"), rank: number("PMI_RANK") };
    }
    if (number("PMIX_RANK") === undefined) return undefined;
    return { name: "a launcher with PMIx", size: number("SLURM_STEP_NUM_TASKS"), rank: number("PMIX_RANK") };
  })();
  const tasks = number("SLURM_STEP_NUM_TASKS") ?? 1;
  if (!found && tasks > 1) {
    throw new GroupError(
      `srun started ${tasks} tasks without MPI, so they do not know each other; use srun --mpi=pmix (srun --mpi=list shows ` +
        "what this cluster has), or one task",
    );
  }
  return found?.size === 1 ? undefined : found;
}
