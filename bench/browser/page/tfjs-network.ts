/**
 * diffusers' `UNet2DModel` in TensorFlow.js, as far as the benchmark's networks go (see `peers/jax-js-network.ts`): channels last, as
 * TensorFlow.js has them. Images come and go as [N, C, H, W].
 */
import type { UNetConfig } from "../../../src/models/unet-config.ts";
import type { TensorFlow, TfTensor, TfVariable } from "./tfjs-types.ts";

/** Variables by their state-dict names; kernels are [kh, kw, I, O], matrices [I, O]. */
export type TfParameters = Readonly<Record<string, TfVariable>>;

export type TfNetwork = (parameters: TfParameters, images: TfTensor, times: TfTensor) => TfTensor;

/** The network of a configuration, around patches of `patch` × `patch` pixels. */
export function tfNetwork(tf: TensorFlow, config: UNetConfig, patch = 1): TfNetwork {
  const { norm_num_groups: groups, norm_eps: epsilon, block_out_channels: widths, layers_per_block: layers } = config;
  const silu = (x: TfTensor) => x.mul(x.sigmoid());

  return (parameters, images, times) => {
    const linear = (name: string, x: TfTensor) => {
      const rows = x.reshape([-1, x.shape[x.shape.length - 1]]);
      const product = tf.matMul(rows, parameters[`${name}.weight`]).add(parameters[`${name}.bias`]);
      return product.reshape([...x.shape.slice(0, -1), product.shape[1]]);
    };
    const conv = (name: string, x: TfTensor, stride = 1) => {
      const kernel = parameters[`${name}.weight`];
      return tf.conv2d(x, kernel, stride, (kernel.shape[0] - 1) / 2).add(parameters[`${name}.bias`]);
    };
    const norm = (name: string, x: TfTensor) => {
      const channels = x.shape[x.shape.length - 1];
      const grouped = x.reshape([x.shape[0], -1, groups, channels / groups]);
      const centred = grouped.sub(grouped.mean([1, 3], true));
      const deviation = centred.square().mean([1, 3], true).add(epsilon).rsqrt();
      const normalised = centred.mul(deviation).reshape(x.shape);
      return normalised.mul(parameters[`${name}.weight`]).add(parameters[`${name}.bias`]);
    };
    const resnet = (name: string, x: TfTensor, embedding: TfTensor) => {
      let hidden = conv(`${name}.conv1`, silu(norm(`${name}.norm1`, x)));
      hidden = hidden.add(linear(`${name}.time_emb_proj`, embedding).reshape([x.shape[0], 1, 1, -1]));
      hidden = conv(`${name}.conv2`, silu(norm(`${name}.norm2`, hidden)));
      const shortcut = `${name}.conv_shortcut.weight` in parameters ? conv(`${name}.conv_shortcut`, x) : x;
      return shortcut.add(hidden);
    };
    const attention = (name: string, x: TfTensor) => {
      const [batch, height, width, channels] = x.shape;
      const headChannels = config.attention_head_dim ?? channels;
      const heads = channels / headChannels;
      const split = (y: TfTensor) => y.reshape([batch, height * width, heads, headChannels]).transpose([0, 2, 1, 3]);
      const rows = norm(`${name}.group_norm`, x).reshape([batch, height * width, channels]);
      const query = split(linear(`${name}.to_q`, rows)).mul(1 / Math.sqrt(headChannels));
      const scores = tf.matMul(query, split(linear(`${name}.to_k`, rows)), false, true).softmax(-1);
      const mixed = tf.matMul(scores, split(linear(`${name}.to_v`, rows))).transpose([0, 2, 1, 3]);
      const out = linear(`${name}.to_out.0`, mixed.reshape([batch, height * width, channels]));
      return x.add(out.reshape(x.shape));
    };
    const doubled = (x: TfTensor) => {
      const [batch, height, width, channels] = x.shape;
      const wide = tf.tile(x.reshape([batch, height * width, 1, channels]), [1, 1, 2, 1]); // [N, HW, 2, C]
      const rows = wide.reshape([batch, height, 1, 2 * width * channels]);
      return tf.tile(rows, [1, 1, 2, 1]).reshape([batch, 2 * height, 2 * width, channels]);
    };
    const embed = (t: TfTensor) => {
      const half = widths[0] / 2;
      const frequencies = Float32Array.from({ length: half }, (_, i) =>
        Math.exp((-Math.log(10_000) * i) / (half - config.freq_shift)),
      );
      const angles = t.reshape([-1, 1]).mul(tf.tensor(frequencies, [1, half]));
      const parts = [tf.sin(angles), tf.cos(angles)];
      const encoded = tf.concat(config.flip_sin_to_cos ? parts.reverse() : parts, 1);
      return linear("time_embedding.linear_2", silu(linear("time_embedding.linear_1", encoded)));
    };

    const embedding = silu(embed(times));
    let hidden = conv("conv_in", toPatches(images, patch));
    const skips = [hidden];
    for (const [level, type] of config.down_block_types.entries()) {
      const block = `down_blocks.${level}`;
      for (let layer = 0; layer < layers; layer++) {
        hidden = resnet(`${block}.resnets.${layer}`, hidden, embedding);
        if (type === "AttnDownBlock2D") hidden = attention(`${block}.attentions.${layer}`, hidden);
        skips.push(hidden);
      }
      if (level === widths.length - 1) continue;
      hidden = conv(`${block}.downsamplers.0.conv`, hidden, 2);
      skips.push(hidden);
    }
    hidden = resnet("mid_block.resnets.0", hidden, embedding);
    if (config.add_attention) hidden = attention("mid_block.attentions.0", hidden);
    hidden = resnet("mid_block.resnets.1", hidden, embedding);
    for (const [level, type] of config.up_block_types.entries()) {
      const block = `up_blocks.${level}`;
      for (let layer = 0; layer <= layers; layer++) {
        hidden = resnet(`${block}.resnets.${layer}`, tf.concat([hidden, skips.pop()!], 3), embedding);
        if (type === "AttnUpBlock2D") hidden = attention(`${block}.attentions.${layer}`, hidden);
      }
      if (level < widths.length - 1) hidden = conv(`${block}.upsamplers.0.conv`, doubled(hidden));
    }
    return fromPatches(conv("conv_out", silu(norm("conv_norm_out", hidden))), patch);
  };
}

/** [N, C, H, W] → [N, H/r, W/r, C · r²], in the order of PyTorch's pixel_unshuffle. */
function toPatches(x: TfTensor, r: number): TfTensor {
  const [batch, channels, height, width] = x.shape;
  if (r === 1) return x.transpose([0, 2, 3, 1]);
  const split = x.reshape([batch * channels, height / r, r, width / r, r]).transpose([0, 2, 4, 1, 3]);
  const unshuffled = split.reshape([batch, channels * r * r, height / r, width / r]);
  return unshuffled.transpose([0, 2, 3, 1]);
}

/** [N, H, W, C · r²] → [N, C, H · r, W · r] */
function fromPatches(x: TfTensor, r: number): TfTensor {
  const [batch, height, width, channels] = x.shape;
  const first = x.transpose([0, 3, 1, 2]);
  if (r === 1) return first;
  const outer = channels / (r * r);
  const split = first.reshape([batch * outer, r, r, height, width]).transpose([0, 3, 1, 4, 2]);
  return split.reshape([batch, outer, height * r, width * r]);
}
