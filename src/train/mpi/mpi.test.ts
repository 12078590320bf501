/** What needs no MPI: launchers by their environment, libraries by their names, the pulse over a line that is made up. */
import { describe, expect, it } from "vitest";
import { ConfigError, GroupError } from "../../core/errors.ts";
import type { Pending } from "./binding.node.ts";
import { mpiGroup, shareOfCores } from "./group.node.ts";
import { launcherOf } from "./launcher.node.ts";
import { checkSize, findLibrary, type Koffi, loadKoffi } from "./library.node.ts";
import { type AlarmError, Pulse } from "./pulse.node.ts";

describe("the launcher", () => {
  it.each([
    [
      { OMPI_COMM_WORLD_SIZE: "4", OMPI_COMM_WORLD_RANK: "3", PMIX_RANK: "3" },
      ["mpirun of Open MPI", "Open MPI", 4, 3],
    ],
    [{ PMI_SIZE: "2", PMI_RANK: "0" }, ["mpirun of MPICH", "MPICH", 2, 0]],
    [{ PMI_SIZE: "2", PMI_RANK: "1", SLURM_STEP_ID: "0" }, ["srun --mpi=pmi2", "MPICH", 2, 1]],
    [{ PMIX_RANK: "5", SLURM_STEP_NUM_TASKS: "8" }, ["a launcher with PMIx", undefined, 8, 5]],
    [{ PMIX_RANK: "5" }, ["a launcher with PMIx", undefined, undefined, 5]],
  ])("is told by %o", (env, [name, implementation, size, rank]) => {
    expect(launcherOf(env as Record<string, string>)).toEqual({ name, implementation, size, rank });
  });

  it("is none for a process on its own, and MPI is not needed then", async () => {
    expect(launcherOf({})).toBeUndefined();
    expect(launcherOf({ OMPI_COMM_WORLD_SIZE: "1", OMPI_COMM_WORLD_RANK: "0" })).toBeUndefined();
    expect(launcherOf({ SLURM_NTASKS: "8" })).toBeUndefined(); // a batch script, before srun
    await using group = await mpiGroup({ PMI_SIZE: "1", PMI_RANK: "0" });
    expect(group).toMatchObject({ rank: 0, size: 1 });
  });

  it("says when srun starts tasks that do not know each other", () => {
    expect(() => launcherOf({ SLURM_STEP_NUM_TASKS: "4", SLURM_PROCID: "1" })).toThrow(GroupError);
    expect(() => launcherOf({ SLURM_STEP_NUM_TASKS: "4" })).toThrow(/started 4 tasks without MPI.*srun --mpi=pmix/);
  });
});

describe("the library", () => {
  const openMpi = { name: "mpirun of Open MPI", implementation: "Open MPI", size: 2, rank: 0 } as const;
  const anything = { name: "a launcher with PMIx", size: 2, rank: 0 } as const;
  /** Libraries by path, each with the symbols that it has. */
  const koffiWith = (libraries: Record<string, (name: string) => boolean>) => {
    const load = (path: string) => {
      if (!libraries[path]) throw new Error(`${path}: cannot open shared object file\nand more`);
      const symbol = (name: string) => {
        if (libraries[path](name)) return 1n;
        throw new Error(`no symbol ${name}`);
      };
      return { symbol };
    };
    return { load } as unknown as Koffi;
  };
  const isOpenMpi = () => true;
  const isMpich = (name: string) => name.startsWith("MPI_");

  it("is the launcher's own, even where another has its name", () => {
    const koffi = koffiWith({ "libmpi.so": isMpich, "libmpich.so.12": isMpich, "libmpi.so.40": isOpenMpi });
    expect(findLibrary(koffi, openMpi, {}, "linux")).toMatchObject({
      path: "libmpi.so.40",
      abi: { implementation: "Open MPI", handle: "void *" },
    });
    const mpich = { name: "mpirun of MPICH", implementation: "MPICH", size: 2 } as const;
    expect(findLibrary(koffi, mpich, {}, "linux")).toMatchObject({ path: "libmpich.so.12", abi: { handle: "int" } });
    const other = koffiWith({ "libmpi.so": isMpich });
    expect(findLibrary(other, anything, {}, "linux")).toMatchObject({ abi: { implementation: "MPICH" } });
    expect(() => findLibrary(other, openMpi, {}, "linux")).toThrow(GroupError);
    const mac = koffiWith({ "/opt/homebrew/lib/libmpi.40.dylib": isOpenMpi });
    expect(findLibrary(mac, openMpi, {}, "darwin").path).toBe("/opt/homebrew/lib/libmpi.40.dylib");
  });

  it("that is missing is an error that says what was tried, and what to do", () => {
    const none = koffiWith({ "libssl.so": () => false });
    expect(() => findLibrary(none, openMpi, {}, "linux")).toThrow(
      /mpirun of Open MPI started 2 ranks, but no library of Open MPI was found \(tried libmpi.so.40, libmpi.so\); install/,
    );
    expect(() => findLibrary(none, anything, {}, "linux")).toThrow(/no library of Open MPI or MPICH .*LANGEVIN_MPI=/);
    expect(() => findLibrary(none, openMpi, { LANGEVIN_MPI: "/x/libmpi.so" }, "linux")).toThrow(
      /^LANGEVIN_MPI names \/x\/libmpi.so, which is no library of MPI that can be loaded: .*shared object file$/,
    );
    expect(() => findLibrary(none, openMpi, { LANGEVIN_MPI: "libssl.so" }, "linux")).toThrow(
      /no symbol MPI_Init_thread/,
    );
  });

  it("without koffi is an error that says how to get it", async () => {
    const missing = () => Promise.reject(new Error("Cannot find package 'koffi' imported from x\nmore"));
    await expect(loadKoffi(missing)).rejects.toThrow(GroupError);
    await expect(loadKoffi(missing)).rejects.toThrow(
      "MPI is reached through the package koffi, which cannot be loaded (Cannot find package 'koffi' imported from x); npm install koffi",
    );
  });

  it("that counts other ranks than the launcher started is not its own", () => {
    const found = { path: "libmpich.so.12", version: "MPICH 4.0.2" };
    checkSize(openMpi, { ...found, size: 2 });
    expect(() => checkSize(openMpi, { ...found, size: 1 })).toThrow(
      /mpirun of Open MPI started 2 ranks, but libmpich.so.12 \(MPICH 4.0.2\) counts 1: launcher and library are not of the same/,
    );
    const unknown = { name: "a launcher with PMIx", rank: 1 };
    checkSize(unknown, { ...found, size: 2 });
    expect(() => checkSize(unknown, { ...found, size: 1 })).toThrow(/started several ranks/);
  });

  it("needs a sensible time to wait", async () => {
    const env = { PMI_SIZE: "2", PMI_RANK: "0", LANGEVIN_MPI_TIMEOUT: "soon" };
    await expect(mpiGroup(env)).rejects.toThrow(ConfigError);
    await expect(mpiGroup(env)).rejects.toThrow(/LANGEVIN_MPI_TIMEOUT is soon; give the seconds/);
  });
});

it("the cores of a machine are shared by the ranks that may use the same ones", () => {
  const places = ["a 0-7", "a 0-7", "b 0-3", "b 4-7", "c 0-1"];
  expect(places.map((_, rank) => shareOfCores([8, 8, 4, 4, 2][rank], places, rank))).toEqual([4, 4, 4, 4, 2]);
  expect(shareOfCores(1, ["a", "a", "a"], 0)).toBe(1);
});

describe("the pulse", () => {
  /** Ranks on a clock of their own; `gone`: those that neither send nor hear. */
  function ranks(size: number, silence = 10_000) {
    const mail: { from: number; to: number; tag: number; bytes: Uint8Array }[] = [];
    const gone = new Set<number>();
    let time = 0;
    const pulses = Array.from({ length: size }, (_, rank) => {
      const line = {
        send(bytes: Uint8Array, to: number, tag: number): Pending {
          if (!gone.has(rank)) mail.push({ from: rank, to, tag, bytes: bytes.slice() });
          return {} as Pending;
        },
        receive(memory: Uint8Array, from: number | undefined, tag: number) {
          const at = mail.findIndex((m) => m.to === rank && m.tag === tag && (from === undefined || m.from === from));
          if (at < 0) return false;
          memory.set(mail.splice(at, 1)[0].bytes);
          return true;
        },
        isDone: () => true,
      };
      return new Pulse(line, { rank, size }, silence, () => time);
    });
    /** Lets time go on; the alarms that were raised or heard, by rank. */
    function run(seconds: number) {
      const alarms = new Map<number, AlarmError["alarm"]>();
      for (const until = time + seconds * 1000; time < until; time += 250) {
        for (const [rank, pulse] of pulses.entries()) {
          if (gone.has(rank) || alarms.has(rank)) continue;
          try {
            pulse.check();
          } catch (error) {
            alarms.set(rank, (error as AlarmError).alarm);
          }
        }
      }
      return alarms;
    }
    return { pulses, gone, run };
  }

  it("is quiet while all beat", () => {
    for (const size of [2, 5]) expect(ranks(size).run(100).size).toBe(0);
  });

  it.each([
    [2, 1],
    [4, 2],
    [4, 0],
  ])("of %i ranks tells all when rank %i is gone, after the silence", (size, lost) => {
    const group = ranks(size);
    group.run(5);
    group.gone.add(lost);
    expect(group.run(9).size).toBe(0);
    const alarms = group.run(3);
    expect([...alarms.keys()].sort()).toEqual(
      Array.from({ length: size }, (_, i) => i).filter((rank) => rank !== lost),
    );
    for (const alarm of alarms.values()) {
      expect(alarm).toMatchObject({ lost, rank: (lost + 1) % size });
      expect(alarm.message).toMatch(new RegExp(`^rank ${lost} has not been heard of for 10 s`));
    }
  });

  it("carries what a rank failed of, cut where it is too long", () => {
    const group = ranks(3);
    group.pulses[1].raise("the disk is full ✗");
    expect(group.run(1).get(2)).toEqual({ rank: 1, message: "the disk is full ✗" });
    group.pulses[0].raise("ü".repeat(5000));
    const { message } = group.run(1).get(1)!;
    expect(message).toMatch(/^ü{500,}…$/);
  });

  it("does not blame others for its own sleep", () => {
    const group = ranks(2);
    group.run(1);
    group.gone.add(0);
    group.gone.add(1);
    group.run(60); // the lid was closed
    group.gone.clear();
    expect(group.run(20).size).toBe(0);
  });
});
