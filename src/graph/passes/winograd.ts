/**
 * 3×3 convolutions with a quarter of the multiplications, for tiles of 4×4 outputs: Winograd's minimal filtering
 * F(4×4, 3×3) (Lavin & Gray 2015, arXiv:1509.09308, §4), here as products with small constant matrices.
 *
 * With d a tile of 6×6 inputs, g the kernel of 3×3 and y the tile of outputs, each written as one column,
 *
 *     V = (B ⊗ B)ᵀ d        U = (G ⊗ G) g        y = (A ⊗ A)ᵀ (U V)
 *
 * where U V is a product over channels, [C, O] for each of the 36 numbers of a tile. The kernel gradient is the
 * transpose: dg = (G ⊗ G)ᵀ (Vᵀ M) with M = (A ⊗ A) dy. Tiles are gathered with the 36 numbers as the first axis, so that
 * every step is one matrix product: no number is moved twice. Agrees with the plain expansion to 1e-5 of the largest
 * value (float32; the constants go up to 25, and the sums cancel).
 */
import { type Shape, sizeOf } from "../../core/shape.ts";
import type { ConvGeometry } from "../geometry.ts";
import { add, constant, gather, matmul, pad, reshape, transposeLast } from "../ops.ts";
import type { Tensor } from "../tensor.ts";

/** Outputs of a tile along one axis, and the inputs that they read. */
const [WRITTEN, READ, TAPS] = [4, 6, 3];

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

const inputTransform = overTwoAxes(INPUT); // [36, 36]
const kernelTransform = overTwoAxes(KERNEL); // [36, 9]
const reversedKernelTransform = overTwoAxes(KERNEL.map((row) => [...row].reverse()));
const kernelGradTransform = overTwoAxes(transposed(KERNEL)); // [9, 36]
const outputTransform = overTwoAxes(OUTPUT); // [16, 36]
const outputGradTransform = overTwoAxes(transposed(OUTPUT)); // [36, 16]

/** Whether a convolution, or the gradient of one, has this form: 3×3 taps side by side, one step apart. */
export function isWinograd({ kernel, stride, dilation }: ConvGeometry, groups: number): boolean {
  const ones = [...stride, ...dilation].every((value) => value === 1);
  return groups === 1 && kernel.length === 2 && kernel.every((taps) => taps === TAPS) && ones;
}

/** Whether this form is the quicker one for a kernel gradient that has it. */
export function kernelGradGains({ inputs: [x, dy] }: Tensor<"convKernelGrad">): boolean {
  return Math.min(x.shape[x.rank - 1], dy.shape[dy.rank - 1]) >= 32;
}

/**
 * Multiplications by which preparing one number of a transformed kernel weighs: its own transform, and the copy that the
 * product makes of it. Measured with one thread of an AVX-512 core, as are the two below.
 */
const KERNEL_COST = 60;
/** How much quicker a multiplication of the direct form is: a convolution in blocks, or a product of unfolded rows. */
const DIRECT_SPEED = { blocked: 1.75, unfolded: 1.2 };

/** A convolution, by what decides its cost: its geometry, and [taps, C, O] of its kernel. */
export interface ConvSize {
  batch: number;
  geometry: ConvGeometry;
  kernel: Shape;
}

/** Whether this form is the quicker one for a convolution that has it, beside the direct form that it would have. */
export function convGains(
  { batch, geometry: { output }, kernel }: ConvSize,
  direct: keyof typeof DIRECT_SPEED,
): boolean {
  const [, channels, outputs] = kernel;
  const positions = batch * sizeOf(output);
  const numbers = READ ** 2 * new TileGrid(batch, output).tiles; // in the transformed tiles of one channel
  const tiled = numbers * (READ ** 2 * channels + WRITTEN ** 2 * outputs + channels * outputs);
  const kernels = READ ** 2 * KERNEL_COST * channels * outputs;
  return DIRECT_SPEED[direct] * (tiled + kernels) < positions * TAPS ** 2 * channels * outputs;
}

/** A convolution that `isWinograd`, in this form. */
export function convByTiles({ inputs: [x, w, bias], attributes: { geometry } }: Tensor<"conv">): Tensor {
  const [channels, outputs] = [w.shape[1], w.shape[2]];
  const { output, transposed: reversed } = geometry;
  const grid = new TileGrid(x.shape[0], output);
  const before = geometry.before.map((zeros) => (reversed ? TAPS - 1 - zeros : zeros));
  const tiles = transform(inputTransform, grid.read(rowsOf(x), geometry.input, before)); // [36, T · C]
  const kernels = transformKernels(reversed ? reversedKernelTransform : kernelTransform, w);
  const products = matmul(reshape(tiles, [READ * READ, -1, channels]), kernels);
  const written = transform(outputTransform, reshape(products, [READ * READ, -1])); // [16, T · O]
  const y = grid.put(reshape(written, [-1, outputs]));
  return reshape(bias ? add(y, bias) : y, [x.shape[0], ...output, outputs]);
}

/**
 * The kernel gradient of a plain convolution that `isWinograd`, in this form. Of the whole batch at once where the
 * convolution itself has this form, because they have the transformed tiles in common.
 */
export function kernelGradByTiles(node: Tensor<"convKernelGrad">, whole: boolean): Tensor {
  const [x, dy] = node.inputs;
  const { geometry } = node.attributes;
  const batch = x.shape[0];
  const [channels, outputs] = [x.shape[x.rank - 1], dy.shape[dy.rank - 1]];
  const parts = whole ? 1 : partsOf(batch, new TileGrid(1, geometry.output).tiles, channels, outputs);
  const size = batch / parts;
  let total: Tensor | undefined;
  for (let first = 0; first < batch; first += size) {
    const grid = new TileGrid(size, geometry.output, first);
    const tiles = transform(inputTransform, grid.read(rowsOf(x), geometry.input, geometry.before)); // [36, T · C]
    const gradients = transform(outputGradTransform, grid.write(rowsOf(dy))); // [36, T · O]
    const product = matmul(
      transposeLast(reshape(tiles, [READ * READ, -1, channels])),
      reshape(gradients, [READ * READ, -1, outputs]),
    );
    total = total ? add(total, product) : product;
  }
  return reshape(transform(kernelGradTransform, reshape(total!, [READ * READ, -1])), [TAPS * TAPS, channels, outputs]);
}

/** [9, C, O] → [36, C, O]; where the kernels were transposed for it, they are transposed as the product reads them. */
function transformKernels(matrix: Tensor, w: Tensor): Tensor {
  const swapped = w.is("transpose") && `${w.attributes.permutation}` === "0,2,1";
  const source = swapped ? w.inputs[0] : w;
  const [taps, ...matrices] = source.shape;
  const kernels = reshape(transform(matrix, reshape(source, [taps, -1])), [READ * READ, ...matrices]);
  return swapped ? transposeLast(kernels) : kernels;
}

/** A matrix applied to each column of [rows, columns]. */
const transform = (matrix: Tensor, columns: Tensor) => matmul(matrix, columns);

/** [N, H, W, C] → [N · H · W, C] */
const rowsOf = (image: Tensor) => reshape(image, [-1, image.shape[image.rank - 1]]);

/** Bytes of transformed tiles that a kernel gradient works on at a time, while its parts are not too small for that. */
const TILE_BYTES = 2.5e6;

/**
 * Parts of the batch for a kernel gradient: tiles that fit a core's cache, but each part at least as large as what is
 * added for it. (Measured, one thread: 64 → 64 channels at 32×32 in 2 or 8 parts as fast, 256 → 128 at 16×16 in one part
 * 1.2 times as fast as in two.)
 */
function partsOf(batch: number, tilesOfImage: number, channels: number, outputs: number): number {
  const bytes = (images: number) => 4 * READ * READ * images * tilesOfImage * channels;
  let parts = 1;
  for (let next = 2; next <= batch; next++) {
    if (bytes(batch / parts) <= TILE_BYTES) break;
    if (batch % next === 0 && (batch / next) * tilesOfImage >= 2 * outputs) parts = next;
  }
  return parts;
}

/** The tiles that cover the outputs of some images, in the order of a product: [numbers of a tile, tiles]. */
class TileGrid {
  /** Tiles of all images. */
  readonly tiles: number;
  readonly #images: number;
  readonly #first: number;
  readonly #output: Shape;
  readonly #across: Shape;

  /** `images` of them from the image `first`. */
  constructor(images: number, output: Shape, first = 0) {
    this.#images = images;
    this.#first = first;
    this.#output = output;
    this.#across = output.map((extent) => Math.ceil(extent / WRITTEN));
    this.tiles = images * sizeOf(this.#across);
  }

  /** What the tiles read of the rows of a whole batch, [N · H · W, C] → [36, T · C], with zeros beyond the borders. */
  read(rows: Tensor, extent: Shape, before: Shape): Tensor {
    return this.#gather(rows, extent, before, READ);
  }

  /** What belongs to the outputs of the tiles, [N · H · W, C] → [16, T · C], with zeros beyond the borders. */
  write(rows: Tensor): Tensor {
    return this.#gather(rows, this.#output, [0, 0], WRITTEN);
  }

  /** Tiles [16 · T, C] → the rows of the images, [N · H · W, C]. */
  put(tiles: Tensor): Tensor {
    const [height, width] = this.#output;
    const key = `put ${this.#images} ${this.#output}`;
    const indices = indicesOf(key, this.#images * height * width, (set) => {
      this.#eachTile((image, tile, top, left) => {
        for (let y = top; y < Math.min(top + WRITTEN, height); y++) {
          for (let x = left; x < Math.min(left + WRITTEN, width); x++) {
            set((image * height + y) * width + x, ((y - top) * WRITTEN + x - left) * this.tiles + tile);
          }
        }
      });
    });
    return gather(tiles, indices);
  }

  #gather(rows: Tensor, [height, width]: Shape, before: Shape, side: number): Tensor {
    const zeroRow = rows.shape[0];
    const key = `tiles ${this.#images} ${this.#first} ${this.#output} ${zeroRow} ${height} ${width} ${before} ${side}`;
    const indices = indicesOf(key, side * side * this.tiles, (set) => {
      this.#eachTile((image, tile, top, left) => {
        for (let i = 0; i < side * side; i++) {
          const y = top - before[0] + Math.floor(i / side);
          const x = left - before[1] + (i % side);
          const inside = y >= 0 && x >= 0 && y < height && x < width;
          set(i * this.tiles + tile, inside ? ((this.#first + image) * height + y) * width + x : zeroRow);
        }
      });
    });
    const beyond = (indices.attributes.data as Int32Array).includes(zeroRow);
    const source = beyond ? pad(rows, [0, 0], [1, 0]) : rows;
    return reshape(gather(source, indices), [side * side, -1]);
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

const knownIndices = new Map<string, Int32Array>();

/** A constant of `count` indices; those of one key share their numbers, so that equal constants are known as such. */
function indicesOf(
  key: string,
  count: number,
  fill: (set: (at: number, index: number) => void) => void,
): Tensor<"constant"> {
  let indices = knownIndices.get(key);
  if (!indices) {
    const values = new Int32Array(count);
    fill((at, index) => {
      values[at] = index;
    });
    indices = values;
    knownIndices.set(key, indices);
  }
  return constant(indices, [count], "int32") as Tensor<"constant">;
}

function transposed(matrix: readonly (readonly number[])[]): number[][] {
  return matrix[0].map((_, column) => matrix.map((row) => row[column]));
}

/** matrix ⊗ matrix: what applies a matrix to both axes of a tile that is one column. */
function overTwoAxes(matrix: readonly (readonly number[])[]): Tensor {
  const [rows, columns] = [matrix.length ** 2, matrix[0].length ** 2];
  const product = matrix.flatMap((a) => matrix.flatMap((b) => a.flatMap((x) => b.map((y) => x * y))));
  return constant(Float32Array.from(product), [rows, columns]);
}
