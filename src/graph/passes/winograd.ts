/**
 * 3×3 convolutions with a quarter of the multiplications: Winograd's minimal filtering by tiles of 4×4 outputs
 * (`graph/tiles.ts`), as products with small constant matrices.
 *
 * Tiles are gathered with their 36 numbers as the first axis, [36, tiles · C], so that V = (B ⊗ B)ᵀ d is one product from the
 * left, the sum over channels U V one product for each of the 36, and y = (A ⊗ A)ᵀ (U V) one product again: no number is
 * moved twice. The kernel gradient is the transpose, dg = (G ⊗ G)ᵀ (Vᵀ M) with M = (A ⊗ A) dy. Agrees with the plain
 * expansion to 1e-5 of the largest value (float32; the constants go up to 25, and the sums cancel).
 */
import { type Shape, sizeOf } from "../../core/shape.ts";
import type { ConvGeometry } from "../geometry.ts";
import { add, concat, constant, gather, matmul, pad, reshape, transposeLast } from "../ops.ts";
import type { Tensor } from "../tensor.ts";
import { READ, TAPS, TileGrid, type TileMatrix, tileMatrices, WRITTEN, zerosBefore } from "../tiles.ts";

/** Whether this form is the quicker one for a kernel gradient that has it. */
export function kernelGradGains({ inputs: [x, dy] }: Tensor<"convKernelGrad">): boolean {
  return Math.min(x.shape[x.rank - 1], dy.shape[dy.rank - 1]) >= 32;
}

/** A convolution, by what decides its cost: its geometry, and [taps, C, O] of its kernel. */
export interface ConvSize {
  batch: number;
  geometry: ConvGeometry;
  kernel: Shape;
}

/**
 * Multiplications by which preparing one number of a transformed kernel weighs: its own transform, and the copy that the
 * product makes of it. Measured with one thread of an AVX-512 core, as are the two below.
 */
const KERNEL_COST = 60;
/** How much quicker a multiplication of the direct form is: a convolution in blocks, or a product of unfolded rows. */
const DIRECT_SPEED = { blocked: 1.75, unfolded: 1.2 };

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

/** A convolution that `hasTiles`, in this form. */
export function convByTiles({ inputs: [x, w, bias], attributes: { geometry } }: Tensor<"conv">): Tensor {
  const [channels, outputs] = [w.shape[1], w.shape[2]];
  const { input, output, transposed } = geometry;
  const rows = rowsOf(x);
  const u = transformKernels(transposed ? tileMatrices.reversedKernel : tileMatrices.kernel, w);
  const batch = x.shape[0];
  const tilesOfImage = new TileGrid(1, output).tiles;
  const size = batch / partsOf(batch, tilesOfImage, Math.max(channels, outputs), LEAST_TILES);
  const parts: Tensor[] = [];
  for (let first = 0; first < batch; first += size) {
    const grid = new TileGrid(size, output, { first });
    const d = gatherTiles(rows, grid.read(input, zerosBefore(geometry), rows.shape[0]), READ);
    const v = transform(tileMatrices.input, d); // [36, T · C]
    const products = matmul(reshape(v, [READ * READ, -1, channels]), u);
    const written = transform(tileMatrices.output, reshape(products, [READ * READ, -1])); // [16, T · O]
    parts.push(gather(reshape(written, [-1, outputs]), indices(grid.places())));
  }
  const y = parts.length === 1 ? parts[0] : concat(parts, 0);
  return reshape(bias ? add(y, bias) : y, [batch, ...output, outputs]);
}

/**
 * The kernel gradient of a plain convolution that `hasTiles`, in this form. It gathers and transforms its tiles itself:
 * those of the convolution, 2.25 times the image, would have to be kept for it, and it is as fast without.
 */
export function kernelGradByTiles(node: Tensor<"convKernelGrad">): Tensor {
  const [x, y] = node.inputs;
  const { geometry } = node.attributes;
  const batch = x.shape[0];
  const [channels, outputs] = [x.shape[x.rank - 1], y.shape[y.rank - 1]];
  // Each part at least as large as what is added for it.
  const size = batch / partsOf(batch, new TileGrid(1, geometry.output).tiles, channels, 2 * outputs);
  const [rows, gradients] = [rowsOf(x), rowsOf(y)];
  let total: Tensor | undefined;
  for (let first = 0; first < batch; first += size) {
    const grid = new TileGrid(size, geometry.output, { first, own: true });
    const d = gatherTiles(rows, grid.read(geometry.input, geometry.before, rows.shape[0]), READ);
    const v = transform(tileMatrices.input, d); // [36, T · C]
    const dy = gatherTiles(gradients, grid.written(gradients.shape[0]), WRITTEN);
    const m = transform(tileMatrices.outputGrad, dy); // [36, T · O]
    const product = matmul(
      transposeLast(reshape(v, [READ * READ, -1, channels])),
      reshape(m, [READ * READ, -1, outputs]),
    );
    total = total ? add(total, product) : product;
  }
  const summed = reshape(total!, [READ * READ, -1]);
  return reshape(transform(tileMatrices.kernelGrad, summed), [TAPS * TAPS, channels, outputs]);
}

/** [9, C, O] → [36, C, O]; where the kernels were transposed for it, they are transposed as the product reads them. */
function transformKernels(matrix: TileMatrix, w: Tensor): Tensor {
  const swapped = w.is("transpose") && `${w.attributes.permutation}` === "0,2,1";
  const source = swapped ? w.inputs[0] : w;
  const [taps, ...matrices] = source.shape;
  const kernels = reshape(transform(matrix, reshape(source, [taps, -1])), [READ * READ, ...matrices]);
  return swapped ? transposeLast(kernels) : kernels;
}

const constants = new Map<TileMatrix, Tensor>();

/** A matrix applied to each column of [rows, columns]. */
function transform(matrix: TileMatrix, columns: Tensor): Tensor {
  let known = constants.get(matrix);
  if (!known) {
    known = constant(matrix.data, matrix.shape);
    constants.set(matrix, known);
  }
  return matmul(known, columns);
}

/** [N, H, W, C] → [N · H · W, C] */
const rowsOf = (image: Tensor) => reshape(image, [-1, image.shape[image.rank - 1]]);

const indices = (values: Int32Array) => constant(values, [values.length], "int32");

/** The rows of images at the positions of tiles, [side², T · C]; the position behind the last row is one of zeros. */
function gatherTiles(rows: Tensor, positions: Int32Array, side: number): Tensor {
  const beyond = positions.includes(rows.shape[0]);
  const gathered = gather(beyond ? pad(rows, [0, 0], [1, 0]) : rows, indices(positions));
  return reshape(gathered, [side * side, -1]);
}

/** Bytes of transformed tiles that are worked on at a time, while a part is not too small for that. */
const TILE_BYTES = 2.5e6;
/** Tiles below which the product over channels prepares its kernels more than it multiplies. */
const LEAST_TILES = 128;

/**
 * Parts of the batch whose tiles fit a core's cache, but each with at least `least` tiles. (Measured on the 6.5 M network, 8
 * images, one thread: convolutions in parts as fast as whole, and 44 MB less at the peak.)
 */
function partsOf(batch: number, tilesOfImage: number, channels: number, least: number): number {
  const bytes = (images: number) => 4 * READ * READ * images * tilesOfImage * channels;
  let parts = 1;
  for (let next = 2; next <= batch; next++) {
    if (bytes(batch / parts) <= TILE_BYTES) break;
    if (batch % next === 0 && (batch / next) * tilesOfImage >= least) parts = next;
  }
  return parts;
}
