/** A page that lends to a test how a tab reads pictures. */
import { type PicturesShape, readPictures } from "../../../../src/browser/pictures-data.ts";

export interface LentFile {
  name: string;
  bytes: number[];
}

const lent = {
  async read(files: LentFile[], options: PicturesShape & { skipBad?: boolean }) {
    const skipped: string[] = [];
    const list = files.map(({ name, bytes }) => new File([new Uint8Array(bytes)], name));
    const read = await readPictures(list, { ...options, onSkip: (_, reason) => skipped.push(reason) });
    return { ...read, bytes: [...read.bytes], skipped };
  },
};

export type LentPictures = typeof lent;

Object.assign(globalThis, { lent });
