"""
Golden outputs of the MLP of src/models/mlp.ts, written anew in PyTorch: the forward pass of its opening comment.

test/parity/mlp.safetensors holds for each case <name>:
  <name>/w.<parameter>                weights by the names of langevin
  <name>/sample, time, class_labels   the inputs
  <name>/output
Computed in float64, stored in float32.

Made with torch 2.15.0 and diffusers 0.42.1 (for the sinusoid):  python test/parity/make_mlp.py
"""

import pathlib

import torch
from diffusers.models.embeddings import get_timestep_embedding
from torch import nn
from torch.nn.functional import silu
from weights import randomise, save_tensors

FILE = pathlib.Path(__file__).parent / "mlp.safetensors"


class Embedding(nn.Module):
    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.linear_1 = nn.Linear(inputs, width)
        self.linear_2 = nn.Linear(width, width)


class Block(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.linear_1 = nn.Linear(width, width)
        self.time_proj = nn.Linear(width, width)
        self.linear_2 = nn.Linear(width, width)


class MLP(nn.Module):
    def __init__(self, size: int, outputs: int, width: int, blocks: int, octaves: int, times: int, classes: int, scale: float, period: float):
        super().__init__()
        self.times = dict(embedding_dim=times, downscale_freq_shift=1, scale=scale, max_period=period)
        self.octaves = octaves
        self.linear_in = nn.Linear(size * (1 + 2 * octaves), width)
        self.time_embedding = Embedding(times, width)
        if classes:
            self.class_embedding = nn.Embedding(classes, width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(blocks))
        self.linear_out = nn.Linear(width, outputs)

    def forward(self, sample, time, labels):
        e = self.time_embedding
        encoded = get_timestep_embedding(time, **self.times).double()
        c = e.linear_2(silu(e.linear_1(encoded)))
        if labels is not None:
            c = c + self.class_embedding(labels)
        x = sample.flatten(1)
        waves = [wave(2**k * x) for k in range(self.octaves) for wave in (torch.sin, torch.cos)]
        h = self.linear_in(torch.cat([x, *waves], dim=1))
        for b in self.blocks:
            h = h + b.linear_2(silu(b.linear_1(silu(h)) + b.time_proj(silu(c))))
        return self.linear_out(silu(h))


# name: image shape, output channels, and the rest of the options
CASES = {
    "points": ([2, 1, 1], 2, dict(width=8, blocks=2, octaves=3, times=6, classes=0, scale=1.0, period=10000.0)),
    "classes": ([2, 1, 1], 2, dict(width=6, blocks=1, octaves=0, times=8, classes=3, scale=30.0, period=60.0)),
    "images": ([1, 2, 3], 2, dict(width=5, blocks=3, octaves=1, times=4, classes=0, scale=0.5, period=100.0)),
}


def main() -> None:
    tensors = {}
    for index, (name, (shape, channels, options)) in enumerate(CASES.items()):
        generator = torch.Generator().manual_seed(4000 + index)
        size = shape[0] * shape[1] * shape[2]
        model = MLP(size, channels * shape[1] * shape[2], **options)
        randomise(model, 5000 + index)
        sample = torch.randn([4, *shape], generator=generator)
        time = torch.tensor([0.0, 0.75, 12.0, 900.0] if options["scale"] == 1 else [-1.5, 0.0, 0.25, 1.0])
        labels = torch.tensor([0, 2, 1, 2]) if options["classes"] else None
        model = model.double()
        output = model(sample.double(), time, labels).reshape(4, channels, *shape[1:])
        case = {f"w.{key}": value for key, value in model.named_parameters()}
        case |= {"sample": sample, "time": time, "output": output}
        tensors |= {f"{name}/{key}": value.to(torch.float32) for key, value in case.items()}
        if labels is not None:
            tensors[f"{name}/class_labels"] = labels.to(torch.int32)
    save_tensors(FILE, tensors)


if __name__ == "__main__":
    main()
