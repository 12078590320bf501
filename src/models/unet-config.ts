/**
 * The configuration of the U-Net: field names, meanings and defaults of the diffusers library's `UNet2DModel`, so that
 * a `config.json` travels both ways. Values that diffusers accepts and this network does not are refused by name.
 */
import * as z from "zod";

const attended = (side: "Down" | "Up") => z.enum([`${side}Block2D`, `Attn${side}Block2D`]);

export const unetConfigSchema = z.strictObject({
  _class_name: z.literal("UNet2DModel").default("UNet2DModel"),
  _diffusers_version: z.string().optional(),
  _name_or_path: z.string().optional(),
  /** Height and width of the images, pixels; one number for squares. */
  sample_size: z
    .union([z.int().positive(), z.tuple([z.int().positive(), z.int().positive()])])
    .nullable()
    .default(null),
  in_channels: z.int().positive().default(3),
  /** Twice `in_channels` for learned variances. */
  out_channels: z.int().positive().default(3),
  /** Input given in [0, 1] and scaled to [-1, 1] by the network. */
  center_input_sample: z.boolean().default(false),
  time_embedding_type: z.enum(["positional", "learned"]).default("positional"),
  /** Channels of the time embedding; 4 · block_out_channels[0] when null. */
  time_embedding_dim: z.int().positive().nullable().default(null),
  freq_shift: z.number().default(0),
  /** [cos, sin] (true) or, as DDPM's checkpoints, [sin, cos]. */
  flip_sin_to_cos: z.boolean().default(true),
  down_block_types: z
    .array(attended("Down"))
    .min(1)
    .default(["DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"]),
  mid_block_type: z.literal("UNetMidBlock2D").nullable().default("UNetMidBlock2D"),
  up_block_types: z
    .array(attended("Up"))
    .min(1)
    .default(["AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"]),
  block_out_channels: z.array(z.int().positive()).min(1).default([224, 448, 672, 896]),
  /** Residual blocks of a level on the way down; one more on the way up. */
  layers_per_block: z.int().positive().default(2),
  mid_block_scale_factor: z.number().positive().default(1),
  /** 1 on all sides, or 0: right and bottom only, as DDPM's TensorFlow. */
  downsample_padding: z.union([z.literal(0), z.literal(1)]).default(1),
  downsample_type: z.literal("conv").default("conv"),
  upsample_type: z.literal("conv").default("conv"),
  dropout: z.number().min(0).lt(1).default(0),
  act_fn: z.literal("silu").default("silu"),
  /** Channels of an attention head; one head when null. */
  attention_head_dim: z.int().positive().nullable().default(8),
  norm_num_groups: z.int().positive().default(32),
  attn_norm_num_groups: z.int().positive().nullable().default(null),
  norm_eps: z.number().positive().default(1e-5),
  /** `scale_shift`: GN(h)(1 + s) + b, as ADM and Improved DDPM. */
  resnet_time_scale_shift: z.enum(["default", "scale_shift"]).default("default"),
  /** Attention in the middle block. */
  add_attention: z.boolean().default(true),
  class_embed_type: z.enum(["timestep", "identity"]).nullable().default(null),
  /** Rows of the class table; make it one more than the classes to have a null class for guidance. */
  num_class_embeds: z.int().positive().nullable().default(null),
  /** Rows of a learned time embedding. */
  num_train_timesteps: z.int().positive().nullable().default(null),
});

/** A configuration with all defaults filled in. */
export type UNetConfig = z.output<typeof unetConfigSchema>;

/** A configuration as a user writes it. */
export type UNetOptions = Omit<
  z.input<typeof unetConfigSchema>,
  "_class_name" | "_diffusers_version" | "_name_or_path"
>;
