/**
 * Pictures of bytes, made from image tensors: grids, strips and enlargements.
 *
 *     byte = round(clip((x + 1) · 127.5, 0, 255)),     x = byte / 127.5 - 1
 *
 * x in [-1, 1] is what networks see. A byte survives the way there and back exactly. The grid's layout is that of
 * torchvision's `make_grid`: `padding` pixels around and between the cells.
 */
import { ConfigError, NotFiniteError, ShapeError } from "../core/errors.ts";
import { formatShape, type Shape, sizeOf } from "../core/shape.ts";

/** 8-bit pixels, row by row, channels interleaved: data[(y · width + x) · channels + c]. One channel is grey, three are sRGB. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** A grey level, or red, green and blue; 0 to 255. */
export type PaddingColour = number | readonly [number, number, number];

export interface GridOptions {
  /** Pixels around and between the cells. @default 2 */
  padding?: number;
  /** Colour of the padding and of empty cells. @default 255 (white) */
  background?: PaddingColour;
}

function checkWhole(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new ConfigError(`${name} must be a whole number from ${least}, not ${value}`);
  }
}

/**
 * Image tensors as pictures, one each.
 *
 * `images`: [N, C, H, W] in [-1, 1], values outside are clipped; C is 1 or 3. Raises a ShapeError for another shape, a
 * NotFiniteError where a value is NaN or infinite.
 */
export function toPictures(images: Float32Array, shape: Shape): Picture[] {
  const [count, channels, height, width] = shape;
  if (shape.length !== 4 || (channels !== 1 && channels !== 3) || height < 1 || width < 1) {
    throw new ShapeError(`pictures are made from images [N, 1 or 3, H, W], not from ${formatShape(shape)}`);
  }
  if (images.length !== sizeOf(shape)) {
    throw new ShapeError(`images ${formatShape(shape)} hold ${sizeOf(shape)} values, but ${images.length} were given`);
  }
  const area = height * width;
  return Array.from({ length: count }, (_, n) => {
    const data = new Uint8Array(area * channels); // [H, W, C]
    for (let c = 0; c < channels; c++) {
      const plane = images.subarray((n * channels + c) * area, (n * channels + c + 1) * area);
      for (let i = 0; i < area; i++) {
        const x = plane[i];
        if (!Number.isFinite(x)) throw new NotFiniteError(`image ${n} of ${count} holds ${x}: it cannot be shown`);
        data[i * channels + c] = Math.round(Math.min(255, Math.max(0, (x + 1) * 127.5)));
      }
    }
    return { width, height, channels, data };
  });
}

/** Pictures as image tensors: [N, C, H, W] in [-1, 1]. All must have the same size and channels, else a ShapeError is raised. */
export function fromPictures(pictures: readonly Picture[]): Float32Array {
  checkPictures(pictures);
  const { width, height, channels } = pictures[0];
  const area = width * height;
  const images = new Float32Array(pictures.length * channels * area);
  pictures.forEach(({ data }, n) => {
    for (let c = 0; c < channels; c++) {
      const plane = images.subarray((n * channels + c) * area, (n * channels + c + 1) * area);
      for (let i = 0; i < area; i++) plane[i] = data[i * channels + c] / 127.5 - 1;
    }
  });
  return images;
}

/**
 * Image tensors as one picture, a grid that is filled row by row.
 *
 * `images`: [N, C, H, W] in [-1, 1], values outside are clipped; C is 1 or 3. `columns`: the square root of N, rounded up, by default.
 * `scale`: whole number by which the images, not the padding, are enlarged; 1 by default. Raises a ShapeError, ConfigError or
 * NotFiniteError.
 */
export function toPicture(
  images: Float32Array,
  shape: Shape,
  options: GridOptions & { columns?: number; scale?: number } = {},
): Picture {
  const pictures = toPictures(images, shape);
  if (pictures.length === 0) throw new ShapeError(`there are no images in ${formatShape(shape)} to make a picture of`);
  const { columns = Math.ceil(Math.sqrt(pictures.length)), scale = 1 } = options;
  checkWhole("columns", columns, 1);
  const cells = pictures.map((picture) => enlarge(picture, scale));
  const rows: Picture[][] = [];
  for (let first = 0; first < cells.length; first += columns) rows.push(cells.slice(first, first + columns));
  return gridOf(rows, options);
}

/** Every pixel becomes scale × scale pixels. */
export function enlarge(picture: Picture, scale: number): Picture {
  checkWhole("scale", scale, 1);
  if (scale === 1) return picture;
  const { channels } = picture;
  const [width, height] = [picture.width * scale, picture.height * scale];
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (Math.floor(y / scale) * picture.width + Math.floor(x / scale)) * channels;
      for (let c = 0; c < channels; c++) data[(y * width + x) * channels + c] = picture.data[from + c];
    }
  }
  return { width, height, channels, data };
}

/**
 * Rows of pictures, as one picture; shorter rows are filled up with the background. A strip is a grid of one row.
 * All pictures must have the same size and channels, else a ShapeError is raised.
 */
export function gridOf(rows: readonly (readonly Picture[])[], options: GridOptions = {}): Picture {
  const { padding = 2, background = 255 } = options;
  checkWhole("padding", padding, 0);
  const pictures = rows.flat();
  checkPictures(pictures);
  const { channels, width: cellWidth, height: cellHeight } = pictures[0];
  const columns = Math.max(...rows.map((row) => row.length));
  const width = columns * (cellWidth + padding) + padding;
  const height = rows.length * (cellHeight + padding) + padding;
  const data = paint(width * height, channels, background);
  rows.forEach((row, r) => {
    row.forEach((picture, column) => {
      const left = padding + column * (cellWidth + padding);
      const top = padding + r * (cellHeight + padding);
      for (let y = 0; y < cellHeight; y++) {
        const line = picture.data.subarray(y * cellWidth * channels, (y + 1) * cellWidth * channels);
        data.set(line, ((top + y) * width + left) * channels);
      }
    });
  });
  return { width, height, channels, data };
}

/** `pixels` pixels of one colour. */
function paint(pixels: number, channels: 1 | 3, colour: PaddingColour): Uint8Array {
  const levels = typeof colour === "number" ? new Array<number>(channels).fill(colour) : colour;
  if (levels.length !== channels || !levels.every((level) => Number.isInteger(level) && level >= 0 && level <= 255)) {
    throw new ConfigError(
      `background must be a level from 0 to 255${channels === 3 ? ", or three of them" : ""}, not ${JSON.stringify(colour)}`,
    );
  }
  const data = new Uint8Array(pixels * channels);
  for (let i = 0; i < data.length; i++) data[i] = levels[i % channels];
  return data;
}

/** Raises a ShapeError unless there are pictures, all of one size, with as many bytes as they need. */
export function checkPictures(pictures: readonly Picture[]): void {
  if (pictures.length === 0) throw new ShapeError("there are no pictures; at least one is needed");
  const describe = ({ width, height, channels }: Picture) => `${width}×${height} with ${channels} channels`;
  const first = describe(pictures[0]);
  pictures.forEach((picture, i) => {
    if (describe(picture) !== first) {
      throw new ShapeError(
        `pictures must have one size: the first is ${first}, number ${i + 1} is ${describe(picture)}`,
      );
    }
    const size = picture.width * picture.height * picture.channels;
    if (picture.data.length !== size) {
      throw new ShapeError(
        `a picture of ${describe(picture)} has ${size} bytes, but number ${i + 1} has ${picture.data.length}`,
      );
    }
  });
}
