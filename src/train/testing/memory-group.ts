/** Ranks within one process: what a group must do, in the plainest way. */
import type { Group, Shareable } from "../group.ts";

interface Meeting {
  given: (readonly Shareable[])[];
  came: number;
  open: () => void;
  all: Promise<void>;
}

/** `size` ranks that meet in memory. Each must be used by a task of its own. */
export function memoryGroups(size: number): Group[] {
  const meetings: Meeting[] = [];
  const meetingAt = (call: number): Meeting => {
    if (!meetings[call]) {
      let open = () => {};
      const all = new Promise<void>((resolve) => {
        open = resolve;
      });
      meetings[call] = { given: [], came: 0, open, all };
    }
    return meetings[call];
  };
  return Array.from({ length: size }, (_, rank): Group => {
    let calls = 0;
    async function meet<T extends Shareable>(arrays: readonly T[]): Promise<(readonly T[])[]> {
      const meeting = meetingAt(calls++);
      meeting.given[rank] = arrays.map((array) => array.slice());
      if (++meeting.came === size) meeting.open();
      await meeting.all;
      const lengths = meeting.given.map((given) => given.map(({ length }) => length).join());
      if (new Set(lengths).size !== 1)
        throw new RangeError(`ranks gave arrays of other lengths: ${lengths.join(" | ")}`);
      return meeting.given as (readonly T[])[];
    }
    return {
      rank,
      size,
      async sum(arrays) {
        const given = await meet(arrays);
        return arrays.map((_, i) => {
          const sum = given[0][i].slice() as (typeof arrays)[number];
          for (const of of given.slice(1)) for (let k = 0; k < sum.length; k++) sum[k] += of[i][k];
          return sum;
        });
      },
      async broadcast(arrays) {
        const [first] = await meet(arrays);
        return first.map((array) => array.slice() as typeof array);
      },
      async barrier() {
        await meet([]);
      },
    };
  });
}

/** Runs one task for each rank of a group in memory, all at once. */
export function onRanks<T>(size: number, task: (group: Group) => Promise<T>): Promise<T[]> {
  return Promise.all(memoryGroups(size).map(task));
}
