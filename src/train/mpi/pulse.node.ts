/**
 * How a rank notices that another one is gone, where the launcher does not: every rank sends its right neighbour a beat twice a
 * second, and a rank that has not heard of its left neighbour for `silence` seconds raises the alarm with all others. A rank
 * that fails raises it as well. Beats come from a thread of their own, so a long step, a save or a drawing does not stop them.
 */
import { GroupError } from "../../core/errors.ts";
import type { Mpi, Pending } from "./binding.node.ts";

/** What went wrong, as one rank tells the others. */
export interface Alarm {
  /** Who tells it. */
  readonly rank: number;
  readonly message: string;
  /** The rank that is gone, where that is what happened. */
  readonly lost?: number;
}

/** An alarm, in the rank where it was raised or heard. */
export class AlarmError extends GroupError {
  readonly alarm: Alarm;

  constructor(alarm: Alarm) {
    super(alarm.message);
    this.alarm = alarm;
  }
}

export const BEAT_MS = 500;
const BEAT = 1;
const ALARM = 2;
const ALARM_BYTES = 2048;
/** Milliseconds for an alarm to leave. */
const ALARM_LEAVES = 2000;

type Line = Pick<Mpi, "send" | "receive" | "isDone">;

export class Pulse {
  readonly #line: Line;
  readonly #rank: number;
  readonly #size: number;
  readonly #silence: number;
  readonly #now: () => number;
  readonly #nothing = new Uint8Array(new ArrayBuffer(1));
  readonly #heardBeat = new Uint8Array(new ArrayBuffer(1));
  readonly #heardAlarm = new Uint8Array(new ArrayBuffer(ALARM_BYTES));
  #beat?: Pending;
  #ending = false;
  #sent = Number.NEGATIVE_INFINITY;
  #heard: number;
  #checked: number;

  /** `silence`: milliseconds after which a neighbour counts as gone. */
  constructor(line: Line, place: { rank: number; size: number }, silence: number, now = () => performance.now()) {
    this.#line = line;
    this.#rank = place.rank;
    this.#size = place.size;
    this.#silence = silence;
    this.#now = now;
    this.#heard = now();
    this.#checked = this.#heard;
  }

  /** Sends a beat when it is time, and listens. To be called twice a second or more often. Raises an AlarmError. */
  check(): void {
    const now = this.#now();
    const [left, right] = [this.#rank - 1, this.#rank + 1].map((rank) => (rank + this.#size) % this.#size);
    // Who did not run himself, as on a machine that slept, cannot blame others for their silence.
    if (now - this.#checked > this.#silence / 2) this.#heard = now;
    this.#checked = now;
    if (this.#beat && this.#line.isDone(this.#beat)) this.#beat = undefined;
    if (!this.#beat && !this.#ending && now - this.#sent >= BEAT_MS) {
      this.#beat = this.#line.send(this.#nothing, right, BEAT);
      this.#sent = now;
    }
    while (this.#line.receive(this.#heardBeat, left, BEAT)) this.#heard = now;
    if (this.#line.receive(this.#heardAlarm, undefined, ALARM)) throw new AlarmError(decode(this.#heardAlarm));
    if (now - this.#heard <= this.#silence) return;
    const message = `rank ${left} has not been heard of for ${Math.round((now - this.#heard) / 1000)} s: its process was killed, or its machine is out of reach`;
    throw new AlarmError(this.raise(message, left));
  }

  /** Sends no more beats; still listens. */
  end(): void {
    this.#ending = true;
  }

  /** Tells all other ranks what went wrong, and which rank is lost, if one is; those that do not answer are left to themselves. */
  raise(message: string, lost?: number): Alarm {
    const alarm = { rank: this.#rank, message, ...(lost !== undefined && { lost }) };
    const others = Array.from({ length: this.#size }, (_, rank) => rank).filter((rank) => rank !== this.#rank);
    let leaving = others.map((rank) => this.#line.send(encode(alarm), rank, ALARM));
    const until = this.#now() + ALARM_LEAVES;
    while (leaving.length > 0 && this.#now() < until) leaving = leaving.filter((one) => !this.#line.isDone(one));
    return alarm;
  }
}

function encode(alarm: Alarm): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(ALARM_BYTES));
  let { message } = alarm;
  // Text that does not fit is cut; what is left of the bytes is zero.
  for (;;) {
    const text = new TextEncoder().encode(JSON.stringify({ ...alarm, message }));
    if (text.length < ALARM_BYTES) {
      bytes.set(text);
      return bytes;
    }
    message = `${message.slice(0, Math.floor(message.length * 0.8))}…`;
  }
}

function decode(bytes: Uint8Array): Alarm {
  return JSON.parse(new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0))));
}
