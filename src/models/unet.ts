/**
 * The U-Net of DDPM and ADM: a way down, a middle, a way up, with a skip connection from every map of the way down.
 *
 * Sources: Ho, Jain, Abbeel, "Denoising Diffusion Probabilistic Models" (2020), Appendix B; Dhariwal, Nichol,
 * "Diffusion Models Beat GANs" (2021), §3. Configuration, parameter names and numbers agree with diffusers'
 * `UNet2DModel` (`test/parity/unet`, to 1e-4).
 */
import { parseConfig } from "../core/config.ts";
import { ConfigError, ShapeError } from "../core/errors.ts";
import { formatShape, type Shape } from "../core/shape.ts";
import { add, cast, mul, silu, sub, transpose } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import { sinusoid, TimestepEmbedding } from "../nn/embeddings.ts";
import { Conv2d, Embedding, GroupNorm } from "../nn/layers.ts";
import type { Module } from "../nn/module.ts";
import { ImageNetwork, type NetworkInputs } from "./network.ts";
import { DownBlock, MidBlock, type UNetInitialisation, UpBlock, unetInitialisations } from "./unet-blocks.ts";
import { type UNetConfig, type UNetOptions, unetConfigSchema } from "./unet-config.ts";

export class UNet extends ImageNetwork {
  readonly conv_in: Conv2d;
  readonly time_proj?: Embedding;
  readonly time_embedding: TimestepEmbedding;
  readonly class_embedding?: Embedding | TimestepEmbedding;
  readonly down_blocks: readonly DownBlock[];
  readonly up_blocks: readonly UpBlock[];
  readonly mid_block?: MidBlock;
  readonly conv_norm_out: GroupNorm;
  readonly conv_out: Conv2d;
  readonly #config: UNetConfig;

  /** Raises a ConfigError for unknown fields, wrong types and combinations that make no network. */
  constructor(options: UNetOptions, initialisation: UNetInitialisation = unetInitialisations.torch) {
    super();
    const config = parseConfig(unetConfigSchema, options, "UNet configuration");
    checkLevels(config);
    this.#config = config;
    const { block_out_channels: widths, layers_per_block: layers, norm_num_groups: groups } = config;
    const { weights: initialise, branchEnds = initialise } = initialisation;
    const timeChannels = config.time_embedding_dim ?? widths[0] * 4;
    const blocks = { ...config, timeChannels, initialisation };
    const lastLevel = widths.length - 1;

    this.conv_in = new Conv2d(config.in_channels, widths[0], 3, { padding: 1, initialise });
    if (config.time_embedding_type === "learned") {
      this.time_proj = new Embedding(config.num_train_timesteps!, widths[0]);
    }
    this.time_embedding = new TimestepEmbedding(widths[0], timeChannels, initialise);
    if (config.class_embed_type === "timestep") {
      this.class_embedding = new TimestepEmbedding(widths[0], timeChannels, initialise);
    } else if (config.class_embed_type === null && config.num_class_embeds !== null) {
      this.class_embedding = new Embedding(config.num_class_embeds, timeChannels);
    }
    this.down_blocks = widths.map((outputs, level) => {
      const attend = config.down_block_types[level] === "AttnDownBlock2D";
      return new DownBlock(widths[Math.max(level - 1, 0)], outputs, layers, attend, level === lastLevel, blocks);
    });
    const reversed = [...widths].reverse();
    this.up_blocks = reversed.map((outputs, level) => {
      const attend = config.up_block_types[level] === "AttnUpBlock2D";
      const channels = {
        previous: reversed[Math.max(level - 1, 0)],
        outputs,
        lastSkip: reversed[Math.min(level + 1, lastLevel)],
      };
      return new UpBlock(channels, layers + 1, attend, level === lastLevel, blocks);
    });
    if (config.mid_block_type !== null) this.mid_block = new MidBlock(widths[lastLevel], config, blocks);
    this.conv_norm_out = new GroupNorm(groups, widths[0], config.norm_eps);
    this.conv_out = new Conv2d(widths[0], config.out_channels, 3, { padding: 1, initialise: branchEnds });
  }

  get config(): UNetConfig {
    return this.#config;
  }

  override get imageShape(): Shape {
    const { sample_size: size, in_channels: channels } = this.#config;
    if (size === null) throw new ConfigError("sample_size is null; give the height and width of the images");
    return [channels, ...(typeof size === "number" ? [size, size] : size)];
  }

  override get outputChannels(): number {
    return this.#config.out_channels;
  }

  override get classes(): number | undefined {
    return this.class_embedding instanceof Embedding ? this.#config.num_class_embeds! : undefined;
  }

  /** The residual blocks and attentions of every level. */
  override get segments(): readonly Module<never[], unknown>[] {
    const levels = [...this.down_blocks, ...(this.mid_block ? [this.mid_block] : []), ...this.up_blocks];
    return levels.flatMap(({ resnets, attentions = [] }) => [...resnets, ...attentions]) as Module<never[], unknown>[];
  }

  protected override forward({ sample, time, classLabels }: NetworkInputs): Tensor {
    const config = this.#config;
    if (sample.rank !== 4 || sample.shape[1] !== config.in_channels) {
      const expected = `[N, ${config.in_channels}, H, W]`;
      throw new ShapeError(`the U-Net expects images ${expected}, not ${formatShape(sample.shape)}`);
    }
    const images = config.center_input_sample ? sub(mul(sample, 2), 1) : sample;
    const embedding = silu(this.#embed(time, classLabels)); // [N, timeChannels]
    let hidden = this.conv_in.call(transpose(images, [0, 2, 3, 1])); // [N, H, W, C]
    const skips = [hidden];
    for (const block of this.down_blocks) {
      const down = block.call(hidden, embedding);
      hidden = down.out;
      skips.push(...down.skips);
    }
    if (this.mid_block) hidden = this.mid_block.call(hidden, embedding);
    for (const block of this.up_blocks) hidden = block.call(hidden, skips, embedding);
    const out = this.conv_out.call(silu(this.conv_norm_out.call(hidden)));
    return transpose(out, [0, 3, 1, 2]); // [N, out_channels, H, W]
  }

  #embed(time: Tensor, classLabels?: Tensor): Tensor {
    const config = this.#config;
    const channels = config.block_out_channels[0];
    const options = { flipSinToCos: config.flip_sin_to_cos, freqShift: config.freq_shift };
    const encoded = this.time_proj ? this.time_proj.call(cast(time, "int32")) : sinusoid(time, channels, options);
    const embedding = this.time_embedding.call(encoded);
    const conditioned = this.class_embedding !== undefined || config.class_embed_type === "identity";
    if (conditioned !== (classLabels !== undefined)) {
      throw new ConfigError(
        conditioned
          ? "this U-Net is class-conditional: class labels must be given"
          : "this U-Net has no class embedding: class labels cannot be given",
      );
    }
    if (!classLabels) return embedding;
    if (this.class_embedding instanceof Embedding) return add(embedding, this.class_embedding.call(classLabels));
    if (!this.class_embedding) return add(embedding, classLabels);
    return add(embedding, this.class_embedding.call(sinusoid(cast(classLabels, "float32"), channels, options)));
  }
}

function checkLevels(config: UNetConfig): void {
  const { down_block_types: down, up_block_types: up, block_out_channels: widths } = config;
  if (down.length !== widths.length || up.length !== widths.length) {
    throw new ConfigError(
      `UNet configuration: block_out_channels has ${widths.length} levels, down_block_types ${down.length}, ` +
        `up_block_types ${up.length}; give one block type for each level`,
    );
  }
  if (config.time_embedding_type === "learned" && config.num_train_timesteps === null) {
    throw new ConfigError("UNet configuration: a learned time embedding needs num_train_timesteps");
  }
}
