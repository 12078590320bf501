/**
 * Tiles of 4×4 outputs of a 3×3 convolution, and the constant matrices of Winograd's minimal filtering F(4×4, 3×3) for them
 * (Lavin & Gray 2015, arXiv:1509.09308, §4). Every tile, kernel and frequency is one column, so that both axes are
 * transformed by one product:
 *
 *     V = (B ⊗ B)ᵀ d        U = (G ⊗ G) g        y = (A ⊗ A)ᵀ (U V)
 *
 * with d the 6×6 inputs of a tile, g the kernel and y the outputs.
 */
import { type Shape, sizeOf } from "../core/shape.ts";
import type { ConvGeometry } from "./geometry.ts";

/** Outputs of a tile along one axis, and the inputs that they read; taps of the kernel. */
export const [WRITTEN, READ, TAPS] = [4, 6, 3];

const INPUT = [
  [4, 0, -5, 0, 1, 0],
  [0, -4, -4, 1, 1, 0],
  [0, 4, -4, -1, 1, 0],
  [0, -2, -1, 2, 1, 0],
  [0, 2, -1, -2, 1, 0],
  [0, 4, 0, -5, 0, 1],
];
const KERNEL = [
  [1 / 4, 0, 0],
  [-1 / 6, -1 / 6, -1 / 6],
  [-1 / 6, 1 / 6, -1 / 6],
  [1 / 24, 1 / 12, 1 / 6],
  [1 / 24, -1 / 12, 1 / 6],
  [0, 0, 1],
];
const OUTPUT = [
  [1, 1, 1, 1, 1, 0],
  [0, 1, -1, 2, -2, 0],
  [0, 1, 1, 4, 4, 0],
  [0, 1, -1, 8, -8, 1],
];

/** A matrix for both axes of a tile, row by row. */
export interface TileMatrix {
  data: Float32Array;
  shape: readonly [rows: number, columns: number];
}

export const tileMatrices = {
  /** (B ⊗ B)ᵀ [36, 36] */
  input: overTwoAxes(INPUT),
  /** G ⊗ G [36, 9] */
  kernel: overTwoAxes(KERNEL),
  /** The same for kernels whose taps are in reverse. */
  reversedKernel: overTwoAxes(KERNEL.map((row) => [...row].reverse())),
  /** (G ⊗ G)ᵀ [9, 36] */
  kernelGrad: overTwoAxes(transposed(KERNEL)),
  /** (A ⊗ A)ᵀ [16, 36] */
  output: overTwoAxes(OUTPUT),
  /** A ⊗ A [36, 16] */
  outputGrad: overTwoAxes(transposed(OUTPUT)),
};

/** Whether a convolution, or the gradient of one, can be done by tiles: 3×3 taps side by side, one step apart. */
export function hasTiles({ kernel, stride, dilation }: ConvGeometry, groups: number): boolean {
  const ones = [...stride, ...dilation].every((value) => value === 1);
  return groups === 1 && kernel.length === 2 && kernel.every((taps) => taps === TAPS) && ones;
}

/** Zeros before each axis of what a convolution reads; those of an input gradient are the other side's. */
export function zerosBefore({ before, transposed: reversed }: ConvGeometry): Shape {
  return before.map((zeros) => (reversed ? TAPS - 1 - zeros : zeros));
}

/** The tiles that cover the outputs of some images; positions are counted over all images, row by row. */
export class TileGrid {
  /** Tiles of all images. */
  readonly tiles: number;
  readonly #images: number;
  readonly #first: number;
  readonly #own: boolean;
  readonly #output: Shape;
  readonly #across: Shape;

  /**
   * `images` of them from the image `first`, whose outputs are `output`. `own`: the indices are no common arrays with
   * those of grids that are not, so that equal tiles count as different ones and are not kept from one use to the other.
   */
  constructor(images: number, output: Shape, { first = 0, own = false } = {}) {
    this.#images = images;
    this.#first = first;
    this.#own = own;
    this.#output = output;
    this.#across = output.map((extent) => Math.ceil(extent / WRITTEN));
    this.tiles = images * sizeOf(this.#across);
  }

  /**
   * The position that each number of each tile reads, [36, tiles], and `beyond` where it would lie behind the border;
   * `extent` is that of the images, with `before` zeros in front.
   */
  read(extent: Shape, before: Shape, beyond: number): Int32Array {
    return this.#positions(extent, before, beyond, READ);
  }

  /** The position of each output of each tile, [16, tiles], and `beyond` where a tile reaches over the border. */
  written(beyond: number): Int32Array {
    return this.#positions(this.#output, [0, 0], beyond, WRITTEN);
  }

  /** Where each output of the images stands in [16, tiles]. */
  places(): Int32Array {
    const [height, width] = this.#output;
    return shared(`places ${this.#images} ${this.#output}`, this.#images * height * width, (places) => {
      this.#eachTile((image, tile, top, left) => {
        for (let y = top; y < Math.min(top + WRITTEN, height); y++) {
          for (let x = left; x < Math.min(left + WRITTEN, width); x++) {
            places[(image * height + y) * width + x] = ((y - top) * WRITTEN + x - left) * this.tiles + tile;
          }
        }
      });
    });
  }

  #positions([height, width]: Shape, before: Shape, beyond: number, side: number): Int32Array {
    const key = `${this.#own} ${this.#images} ${this.#first} ${this.#output} ${height} ${width} ${before} ${beyond} ${side}`;
    return shared(key, side * side * this.tiles, (positions) => {
      this.#eachTile((image, tile, top, left) => {
        for (let i = 0; i < side * side; i++) {
          const y = top - before[0] + Math.floor(i / side);
          const x = left - before[1] + (i % side);
          const inside = y >= 0 && x >= 0 && y < height && x < width;
          positions[i * this.tiles + tile] = inside ? ((this.#first + image) * height + y) * width + x : beyond;
        }
      });
    });
  }

  #eachTile(visit: (image: number, tile: number, top: number, left: number) => void): void {
    const [down, across] = this.#across;
    for (let tile = 0; tile < this.tiles; tile++) {
      const inImage = tile % (down * across);
      const top = WRITTEN * Math.floor(inImage / across);
      visit(Math.floor(tile / (down * across)), tile, top, WRITTEN * (inImage % across));
    }
  }
}

const known = new Map<string, Int32Array>();

/** Indices that are the same array for the same key, so that equal constants are known as such. */
export function shared(key: string, count: number, fill: (indices: Int32Array) => void): Int32Array {
  let indices = known.get(key);
  if (!indices) {
    indices = new Int32Array(count);
    fill(indices);
    known.set(key, indices);
  }
  return indices;
}

function transposed(matrix: readonly (readonly number[])[]): number[][] {
  return matrix[0].map((_, column) => matrix.map((row) => row[column]));
}

/** matrix ⊗ matrix: what applies a matrix to both axes of a tile that is one column. */
function overTwoAxes(matrix: readonly (readonly number[])[]): TileMatrix {
  const data = matrix.flatMap((a) => matrix.flatMap((b) => a.flatMap((x) => b.map((y) => x * y))));
  return { data: Float32Array.from(data), shape: [matrix.length ** 2, matrix[0].length ** 2] };
}
