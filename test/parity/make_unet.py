"""
Golden outputs of diffusers' UNet2DModel on random weights, for the test of src/models/unet.

Each folder test/parity/unet/<name>/ holds what `save_pretrained` writes (config.json,
diffusion_pytorch_model.safetensors) and io.safetensors: `sample` [2, C, H, W], `timestep` [2], `class_labels` [2]
(int32, only with a class embedding) and `output` [2, C', H, W]; all else is float32. The two examples have different
times and labels.

Before a golden is written, the same network in float64, with its sinusoids computed in float64 too, must agree with
it to 2e-5: what a second float32 implementation may differ by is then well below the 1e-4 of the test.

Made with torch 2.15.0 and diffusers 0.42.1:  python test/parity/make_unet.py
"""

import copy
import math
import pathlib
import shutil

import torch
from diffusers import UNet2DModel
from weights import DDPM_BLOCKS, randomise, save_tensors

FOLDER = pathlib.Path(__file__).parent / "unet"
THREE_LEVELS = {
    "down_block_types": ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
}

# name: (UNet2DModel fields, the two times, the two class labels or None)
GOLDENS = {
    # Attention with three heads of 8 channels, all other fields as UNet2DModel has them by default.
    "attention": (
        dict(
            DDPM_BLOCKS,
            sample_size=16,
            block_out_channels=[16, 24],
            layers_per_block=2,
            norm_num_groups=8,
            attention_head_dim=8,
        ),
        [7.0, 931.0],
        None,
    ),
    # The conventions of the published DDPM checkpoints: one head, sine first, zeros appended right and below only.
    "ddpm": (
        dict(
            THREE_LEVELS,
            sample_size=16,
            block_out_channels=[8, 16, 16],
            layers_per_block=2,
            norm_num_groups=4,
            attention_head_dim=None,
            downsample_padding=0,
            flip_sin_to_cos=False,
            freq_shift=1,
            norm_eps=1e-6,
        ),
        [0.0, 999.0],
        None,
    ),
    # Eleven classes (ten and a null class), and times that are not whole numbers.
    "class-embedding": (
        dict(
            DDPM_BLOCKS,
            sample_size=8,
            in_channels=1,
            out_channels=1,
            block_out_channels=[8, 16],
            layers_per_block=1,
            norm_num_groups=4,
            attention_head_dim=8,
            num_class_embeds=11,
        ),
        [12.25, 640.5],
        [3, 10],
    ),
    # Time as scale and shift, learned variance (6 outputs), 12x20 pixels so that the lowest maps are 3x5. With
    # "scale_shift" and no attn_norm_num_groups, the attention of the mid block has no group norm.
    "scale-shift": (
        dict(
            THREE_LEVELS,
            sample_size=[12, 20],
            out_channels=6,
            block_out_channels=[8, 16, 16],
            layers_per_block=1,
            norm_num_groups=4,
            attention_head_dim=4,
            resnet_time_scale_shift="scale_shift",
        ),
        [3.0, 500.0],
        None,
    ),
    # The same with no attention in the mid block, and with classes.
    "scale-shift-no-mid-attention": (
        dict(
            DDPM_BLOCKS,
            sample_size=[24, 16],
            out_channels=6,
            block_out_channels=[8, 16],
            layers_per_block=1,
            norm_num_groups=4,
            attention_head_dim=8,
            resnet_time_scale_shift="scale_shift",
            add_attention=False,
            num_class_embeds=5,
        ),
        [42.0, 800.0],
        [0, 4],
    ),
    # Residual blocks that change the resolution (upsample_type and downsample_type act on the attention blocks only),
    # and a group count of its own for the attention of the mid block.
    "resnet-resampling": (
        dict(
            down_block_types=["AttnDownBlock2D", "AttnDownBlock2D"],
            up_block_types=["AttnUpBlock2D", "AttnUpBlock2D"],
            sample_size=8,
            block_out_channels=[4, 8],
            layers_per_block=1,
            norm_num_groups=2,
            attention_head_dim=4,
            downsample_type="resnet",
            upsample_type="resnet",
            attn_norm_num_groups=4,
        ),
        [100.0, 250.0],
        None,
    ),
}


class ExactTimes(torch.nn.Module):
    """The sinusoids of diffusers' Timesteps, in float64."""

    def __init__(self, like: torch.nn.Module):
        super().__init__()
        self.width, self.flip, self.shift = like.num_channels, like.flip_sin_to_cos, like.downscale_freq_shift

    def forward(self, times: torch.Tensor) -> torch.Tensor:
        half = self.width // 2
        frequencies = torch.exp(-math.log(1e4) * torch.arange(half, dtype=torch.float64) / (half - self.shift))
        angles = times.double()[:, None] * frequencies  # [N, width/2]
        parts = [angles.cos(), angles.sin()] if self.flip else [angles.sin(), angles.cos()]
        return torch.cat(parts, dim=1)  # [N, width]


def make(name: str, seed: int) -> None:
    fields, times, labels = GOLDENS[name]
    model = UNet2DModel(**fields).eval()
    randomise(model, seed)
    generator = torch.Generator().manual_seed(seed + 1)
    size = model.config.sample_size
    height, width = (size, size) if isinstance(size, int) else size
    io = {
        "sample": torch.randn(2, model.config.in_channels, height, width, generator=generator),
        "timestep": torch.tensor(times, dtype=torch.float32),
    }
    if labels is not None:
        io["class_labels"] = torch.tensor(labels, dtype=torch.int32)

    exact = copy.deepcopy(model).double()
    exact.time_proj = ExactTimes(model.time_proj)
    with torch.inference_mode():
        output = model(io["sample"], io["timestep"], io.get("class_labels")).sample
        reference = exact(io["sample"].double(), io["timestep"], io.get("class_labels")).sample
    difference = (output - reference).abs().max().item()
    if not difference < 2e-5:
        raise SystemExit(f"{name}: float32 and float64 differ by {difference:.1e}, more than 2e-5")

    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    save_tensors(folder / "io.safetensors", {**io, "output": output})
    size_kb = sum(file.stat().st_size for file in folder.iterdir()) / 1e3
    print(
        f"{name}: {model.num_parameters():,} parameters, {size_kb:.0f} kB, "
        f"output {list(output.shape)} of std {output.std():.3f}, float32 against float64 {difference:.1e}"
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    for index, golden in enumerate(GOLDENS):
        make(golden, 100 + 10 * index)
