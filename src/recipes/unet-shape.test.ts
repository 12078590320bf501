import { describe, expect, it } from "vitest";
import { UNet } from "../models/unet.ts";
import { countParameters } from "../nn/module.ts";
import { unetOptions } from "./unet-shape.ts";

describe("unetOptions", () => {
  it("names the levels as diffusers does", () => {
    const shape = { size: 32, channels: 3, width: 64, multipliers: [1, 2, 2], attentionAt: [16] };
    expect(unetOptions(shape)).toMatchObject({
      sample_size: 32,
      in_channels: 3,
      block_out_channels: [64, 128, 128],
      down_block_types: ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D"],
      up_block_types: ["UpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
      attention_head_dim: 64,
      norm_num_groups: 32,
      num_class_embeds: null,
    });
    // The network "unet-6m" of bench/networks.json, counted there with diffusers.
    expect(countParameters(new UNet(unetOptions(shape)))).toBe(6_472_195);
  });

  it("adds a null class, and finds groups that divide every level", () => {
    const options = unetOptions({ size: 28, channels: 1, width: 24, multipliers: [1, 2, 3], classes: 10 });
    expect(options).toMatchObject({ num_class_embeds: 11, norm_num_groups: 12, attention_head_dim: null });
    expect(() => new UNet(options)).not.toThrow();
  });

  it("refuses sizes that do not fit", () => {
    const shape = { size: 28, channels: 1, width: 32, multipliers: [1, 2, 2, 2] };
    expect(() => unetOptions(shape)).toThrow(/28 pixels cannot be halved 3 times.*multiple of 8/);
    expect(() => unetOptions({ ...shape, size: 32, attentionAt: [14] })).toThrow(/14.*32, 16, 8, 4/);
  });
});
