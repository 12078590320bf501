"""
Weights for the golden networks: every parameter drawn from a seed, none left at an initial value that hides a mistake
(a zero convolution, a group norm of ones and zeros, a zero bias).

    weight ~ N(0, 1/fan_in)    bias ~ N(0, 0.1^2)    embedding ~ N(0, 1)    norm weight ~ N(1, 0.2^2)

So activations stay near unit size through the network, and attention is far from uniform.
"""

import json
import math
import pathlib

import torch
from safetensors.torch import save_file

DDPM_BLOCKS = {
    "down_block_types": ["DownBlock2D", "AttnDownBlock2D"],
    "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
}


def randomise(model: torch.nn.Module, seed: int) -> None:
    """Draws all parameters of a model anew, in the order of their names."""
    generator = torch.Generator().manual_seed(seed)
    norms = (torch.nn.GroupNorm, torch.nn.LayerNorm)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            owner = model.get_submodule(name.rpartition(".")[0])
            values = torch.randn(parameter.shape, generator=generator)
            if name.endswith("bias"):
                values *= 0.1
            elif isinstance(owner, norms):
                values = 1 + 0.2 * values
            elif not isinstance(owner, torch.nn.Embedding):
                values /= math.sqrt(parameter[0].numel())  # fan_in = inputs x kernel size
            parameter.copy_(values)


def save_tensors(path: pathlib.Path, tensors: dict[str, torch.Tensor]) -> None:
    """Writes a safetensors file of contiguous tensors: float32, or int32 for whole numbers."""
    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, str(path))


def save_json(path: pathlib.Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n")
