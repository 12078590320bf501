/** What the benchmark trains on: nobody measures the reading of files. */
import { Random } from "../src/core/random.ts";
import type { Dataset } from "../src/data/dataset.ts";
import type { ImageNetwork } from "../src/models/network.ts";

/** `size` images in [-1, 1], in memory, in the shape of a network. */
export function randomImages(network: ImageNetwork, size: number): Dataset {
  const [channels, height, width] = network.imageShape;
  const each = channels * height * width;
  const random = Random.from(0, "images");
  const images = Float32Array.from({ length: size * each }, () => 2 * random.uniform() - 1);
  return {
    name: "random images",
    size,
    channels,
    height,
    width,
    async read(indices) {
      const batch = new Float32Array(indices.length * each);
      for (let i = 0; i < indices.length; i++) {
        batch.set(images.subarray(indices[i] * each, (indices[i] + 1) * each), i * each);
      }
      return { images: batch };
    },
  };
}
