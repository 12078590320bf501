"""
Golden training runs: 20 steps of Adam, and of AdamW with clipping, on a small UNet2DModel with attention. For the test
of src/train and src/optim.

One step, on the same 4 images each time, with the stored times t and noise of that step:

    noised = sqrt(alphaBar_t) * image + sqrt(1 - alphaBar_t) * noise      betas linear, 1e-4 to 0.02, T = 1000
    loss   = mean((network(noised, t) - noise)^2)
    the gradient's global norm is noted, then clipped (AdamW run only): scale by min(1, 1 / (norm + 1e-6))
    Adam(W): lr 1e-3, betas 0.9 and 0.999, eps 1e-8; AdamW decays all parameters by 0.01 * lr
    ema    = 0.99 * ema + 0.01 * weights, which starts at the initial weights

The runs are made in float64 from the float32 files, so the goldens are not one machine's rounding; beside them stands
by how much PyTorch's own float32 run differs. The key biases of attention (`to_k.bias`) have a gradient of exactly zero,
because softmax does not see a shift; in float32 Adam turns the rounding noise there into steps. Compare those loosely:
their names are in `undetermined`, and are not counted in the differences.

Written to test/parity/training/:
    initial/{config.json, diffusion_pytorch_model.safetensors}
    inputs.safetensors     images [4, 3, 8, 8], times [20, 4] (int32), noise [20, 4, 3, 8, 8]
    <run>.golden.json      settings, losses [20], gradNorms [20] (before clipping), float32 {…differences}
    <run>.final.safetensors, <run>.ema.safetensors      named as the initial weights, float32

Made with torch 2.15.0 and diffusers 0.42.1:  python test/parity/make_training.py
"""

import pathlib
import shutil

import diffusers
import torch
from diffusers import UNet2DModel
from weights import DDPM_BLOCKS, randomise, save_json, save_tensors

diffusers.utils.logging.set_verbosity_error()  # a warning of .to(float64) that names no module

FOLDER = pathlib.Path(__file__).parent / "training"
STEPS = 20
EMA_DECAY = 0.99
RUNS = {
    "adam": {"optimiser": "adam", "weightDecay": 0.0, "clipNorm": None},
    "adamw-clip": {"optimiser": "adamw", "weightDecay": 0.01, "clipNorm": 1.0},
}


def make_network() -> UNet2DModel:
    network = UNet2DModel(
        **DDPM_BLOCKS,
        sample_size=8,
        block_out_channels=[8, 16],
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=8,
        dropout=0.0,
    )
    randomise(network, 300)
    return network


def make_inputs() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(301)
    return {
        "images": torch.rand(4, 3, 8, 8, generator=generator) * 2 - 1,
        "times": torch.randint(0, 1000, (STEPS, 4), generator=generator, dtype=torch.int32),
        "noise": torch.randn(STEPS, 4, 3, 8, 8, generator=generator),
    }


def train(settings: dict, inputs: dict[str, torch.Tensor], dtype: torch.dtype):
    """Runs the 20 steps; returns losses, gradient norms, final weights and their moving average."""
    network = make_network().to(dtype).train()
    alpha_bars = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), dim=0)
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    optimiser = kinds[settings["optimiser"]](
        network.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=settings["weightDecay"]
    )
    ema = {name: value.detach().clone() for name, value in network.named_parameters()}
    images = inputs["images"].to(dtype)
    losses, norms = [], []
    for step in range(STEPS):
        times, noise = inputs["times"][step], inputs["noise"][step].to(dtype)
        alpha_bar = alpha_bars[times.long()].to(dtype).reshape(-1, 1, 1, 1)  # [4, 1, 1, 1]
        noised = alpha_bar.sqrt() * images + (1 - alpha_bar).sqrt() * noise
        loss = torch.nn.functional.mse_loss(network(noised, times).sample, noise)
        optimiser.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), settings["clipNorm"] or float("inf"))
        optimiser.step()
        with torch.no_grad():
            for name, value in network.named_parameters():
                ema[name].mul_(EMA_DECAY).add_(value, alpha=1 - EMA_DECAY)
        losses.append(loss.item())
        norms.append(norm.item())
    return losses, norms, dict(network.named_parameters()), ema


def largest_relative(values: list[float], reference: list[float]) -> float:
    return max(abs(a - b) / abs(b) for a, b in zip(values, reference, strict=True))


def largest_difference(weights: dict, reference: dict, skip: list[str]) -> float:
    return max((weights[name] - reference[name]).abs().max().item() for name in reference if name not in skip)


def make(run: str, inputs: dict[str, torch.Tensor]) -> None:
    settings = RUNS[run]
    losses, norms, final, ema = train(settings, inputs, torch.float64)
    losses32, norms32, final32, ema32 = train(settings, inputs, torch.float32)
    undetermined = sorted(name for name in final if name.endswith("to_k.bias"))
    float32 = {
        "lossRelative": largest_relative(losses32, losses),
        "gradNormRelative": largest_relative(norms32, norms),
        "finalAbsolute": largest_difference(final32, final, undetermined),
        "emaAbsolute": largest_difference(ema32, ema, undetermined),
    }
    if not float32["lossRelative"] < 1e-5:
        raise SystemExit(f"{run}: float32 and float64 losses differ by {float32['lossRelative']:.1e}")
    save_tensors(FOLDER / f"{run}.final.safetensors", {name: value.float() for name, value in final.items()})
    save_tensors(FOLDER / f"{run}.ema.safetensors", {name: value.float() for name, value in ema.items()})
    save_json(
        FOLDER / f"{run}.golden.json",
        {
            "madeBy": "test/parity/make_training.py",
            "versions": {"torch": torch.__version__.split("+")[0], "diffusers": diffusers.__version__},
            "settings": {
                **settings,
                "steps": STEPS,
                "learningRate": 1e-3,
                "betas": [0.9, 0.999],
                "eps": 1e-8,
                "emaDecay": EMA_DECAY,
                "diffusionSteps": 1000,
                "betaStart": 1e-4,
                "betaEnd": 0.02,
                "prediction": "noise",
            },
            "losses": losses,
            "gradNorms": norms,
            "undetermined": undetermined,
            "float32": float32,
        },
    )
    print(f"{run}: loss {losses[0]:.4f} to {losses[-1]:.4f}, norms {min(norms):.3f} to {max(norms):.3f}, {float32}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    make_network().save_pretrained(FOLDER / "initial")
    step_inputs = make_inputs()
    save_tensors(FOLDER / "inputs.safetensors", step_inputs)
    for each in RUNS:
        make(each, step_inputs)
    print(f"{sum(file.stat().st_size for file in FOLDER.rglob('*') if file.is_file()) / 1e3:.0f} kB")
