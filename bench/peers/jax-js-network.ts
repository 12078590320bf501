/**
 * diffusers' `UNet2DModel` in jax-js, as far as the benchmark's networks go: positional time embedding, group
 * normalisation, attention at chosen levels and in the middle, 3 × 3 convolutions with padding 1. Images are
 * [N, C, H, W]. Parameters come by their state-dict names, and each is used once, as jax-js's ownership wants it.
 */
import type { UNetConfig } from "../../src/models/unet-config.ts";
import type { Jax, JaxArray, JaxTree } from "./jax-js-types.ts";

export type JaxNetwork = (parameters: JaxTree, images: JaxArray, times: JaxArray) => JaxArray;

/** The network of a configuration, around patches of `patch` × `patch` pixels. */
export function jaxNetwork(jax: Jax, config: UNetConfig, patch = 1): JaxNetwork {
  const { numpy: np, lax, nn } = jax;
  const { norm_num_groups: groups, norm_eps: epsilon, block_out_channels: widths, layers_per_block: layers } = config;
  const unsupported =
    config.resnet_time_scale_shift !== "default" || config.num_class_embeds !== null || config.downsample_padding !== 1;
  if (unsupported) throw new Error("the jax-js network of the benchmark has no such option of UNet2DModel");

  return (parameters, images, times) => {
    const linear = (name: string, x: JaxArray) =>
      np.matmul(x, parameters[`${name}.weight`].transpose()).add(parameters[`${name}.bias`]);

    const conv = (name: string, x: JaxArray, stride = 1) => {
      const kernel = parameters[`${name}.weight`]; // [O, I, k, k]
      const edge = (kernel.shape[2] - 1) / 2;
      const padding: [number, number][] = [
        [edge, edge],
        [edge, edge],
      ];
      return lax.conv(x, kernel, [stride, stride], padding).add(parameters[`${name}.bias`].reshape([1, -1, 1, 1]));
    };

    const norm = (name: string, x: JaxArray) => {
      const { shape } = x;
      const perChannel = [1, shape[1], ...shape.slice(2).map(() => 1)];
      const grouped = nn.standardize(x.reshape([shape[0], groups, -1]), -1, { epsilon });
      return grouped
        .reshape(shape)
        .mul(parameters[`${name}.weight`].reshape(perChannel))
        .add(parameters[`${name}.bias`].reshape(perChannel));
    };

    const resnet = (name: string, x: JaxArray, embedding: JaxArray) => {
      let hidden = conv(`${name}.conv1`, nn.silu(norm(`${name}.norm1`, x.ref)));
      hidden = hidden.add(linear(`${name}.time_emb_proj`, embedding.ref).reshape([x.shape[0], -1, 1, 1]));
      hidden = conv(`${name}.conv2`, nn.silu(norm(`${name}.norm2`, hidden)));
      const shortcut = `${name}.conv_shortcut.weight` in parameters ? conv(`${name}.conv_shortcut`, x) : x;
      return shortcut.add(hidden);
    };

    const attention = (name: string, x: JaxArray) => {
      const [batch, channels, height, width] = x.shape;
      const headChannels = config.attention_head_dim ?? channels;
      // [N, T, C] → [N, heads, T, d]. Not `nn.dotProductAttention`: in 0.1.25 its einsum does not run on Node 20.
      const split = (y: JaxArray) =>
        y.reshape([batch, height * width, channels / headChannels, headChannels]).transpose([0, 2, 1, 3]);
      const rows = norm(`${name}.group_norm`, x.ref)
        .reshape([batch, channels, height * width])
        .transpose([0, 2, 1]); // [N, H · W, C]
      const query = split(linear(`${name}.to_q`, rows.ref)).mul(1 / Math.sqrt(headChannels));
      const key = split(linear(`${name}.to_k`, rows.ref));
      const value = split(linear(`${name}.to_v`, rows));
      const scores = nn.softmax(np.matmul(query, key.transpose([0, 1, 3, 2])), -1); // [N, heads, T, T]
      const mixed = np
        .matmul(scores, value)
        .transpose([0, 2, 1, 3])
        .reshape([batch, height * width, channels]);
      const out = linear(`${name}.to_out.0`, mixed).transpose([0, 2, 1]); // [N, C, T]
      return x.add(out.reshape([batch, channels, height, width]));
    };

    const embedding = nn.silu(embed(times)); // [N, 4 · width]
    let hidden = conv("conv_in", toPatches(images, patch));
    const skips = [hidden.ref];
    for (const [level, type] of config.down_block_types.entries()) {
      const block = `down_blocks.${level}`;
      for (let layer = 0; layer < layers; layer++) {
        hidden = resnet(`${block}.resnets.${layer}`, hidden, embedding);
        if (type === "AttnDownBlock2D") hidden = attention(`${block}.attentions.${layer}`, hidden);
        skips.push(hidden.ref);
      }
      if (level === widths.length - 1) continue;
      hidden = conv(`${block}.downsamplers.0.conv`, hidden, 2);
      skips.push(hidden.ref);
    }
    hidden = resnet("mid_block.resnets.0", hidden, embedding);
    if (config.add_attention) hidden = attention("mid_block.attentions.0", hidden);
    hidden = resnet("mid_block.resnets.1", hidden, embedding);
    for (const [level, type] of config.up_block_types.entries()) {
      const block = `up_blocks.${level}`;
      for (let layer = 0; layer <= layers; layer++) {
        hidden = np.concatenate([hidden, skips.pop()!], 1);
        hidden = resnet(`${block}.resnets.${layer}`, hidden, embedding);
        if (type === "AttnUpBlock2D") hidden = attention(`${block}.attentions.${layer}`, hidden);
      }
      if (level === widths.length - 1) continue;
      hidden = np.repeat(np.repeat(hidden, 2, 2), 2, 3); // [N, C, 2H, 2W]
      hidden = conv(`${block}.upsamplers.0.conv`, hidden);
    }
    jax.tree.dispose(embedding);
    return fromPatches(conv("conv_out", nn.silu(norm("conv_norm_out", hidden))), patch);

    function embed(t: JaxArray): JaxArray {
      const half = widths[0] / 2;
      const frequencies = Float32Array.from({ length: half }, (_, i) =>
        Math.exp((-Math.log(10_000) * i) / (half - config.freq_shift)),
      );
      const angles = t.reshape([-1, 1]).mul(np.array(frequencies));
      const parts = [np.sin(angles.ref), np.cos(angles)];
      const encoded = np.concatenate(config.flip_sin_to_cos ? parts.reverse() : parts, 1);
      return linear("time_embedding.linear_2", nn.silu(linear("time_embedding.linear_1", encoded)));
    }
  };
}

/** [N, C, H, W] → [N, C · r², H/r, W/r], in the order of PyTorch's pixel_unshuffle. */
function toPatches(x: JaxArray, r: number): JaxArray {
  if (r === 1) return x;
  const [batch, channels, height, width] = x.shape;
  const split = x.reshape([batch, channels, height / r, r, width / r, r]).transpose([0, 1, 3, 5, 2, 4]);
  return split.reshape([batch, channels * r * r, height / r, width / r]);
}

/** [N, C · r², H, W] → [N, C, H · r, W · r] */
function fromPatches(x: JaxArray, r: number): JaxArray {
  if (r === 1) return x;
  const [batch, channels, height, width] = x.shape;
  const split = x.reshape([batch, channels / (r * r), r, r, height, width]).transpose([0, 1, 4, 2, 5, 3]);
  return split.reshape([batch, channels / (r * r), height * r, width * r]);
}
