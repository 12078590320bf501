"""
Golden outputs and gradients of PyTorch's and diffusers' layers on random weights, for the tests of src/nn.

test/parity/layers.safetensors holds for each case <name>:
  <name>/x          the input; <name>/context for cross-attention; indices are int32
  <name>/y          the output
  <name>/dy         random; the scalar that is differentiated is sum(y * dy)
  <name>/dx         its gradient with respect to x; <name>/dcontext with respect to the context
  <name>/w.<parameter>, <name>/d.<parameter>      weights by state-dict name, in PyTorch's layout, and their gradients
Images and sequences are stored channels last, [N, H, W, C] and [N, T, C]; Linear, LayerNorm and attention have their
channels last anyway. Everything is computed in float64 and stored in float32, except the sinusoids, which diffusers
computes in float32 whatever it is given.

Made with torch 2.15.0 and diffusers 0.42.1:  python test/parity/make_layers.py
"""

import pathlib

import torch
from diffusers.models.attention_processor import Attention, AttnProcessor
from diffusers.models.downsampling import Downsample2D
from diffusers.models.embeddings import TimestepEmbedding, get_timestep_embedding
from diffusers.models.upsampling import Upsample2D
from torch import nn
from weights import randomise, save_tensors

FILE = pathlib.Path(__file__).parent / "layers.safetensors"


class Sinusoid(nn.Module):
    def __init__(self, channels: int, flip: bool, shift: float):
        super().__init__()
        self.arguments = (channels, flip, shift)

    def forward(self, times: torch.Tensor) -> torch.Tensor:
        return get_timestep_embedding(times, *self.arguments).double()


def attention(**options) -> Attention:
    return Attention(processor=AttnProcessor(), eps=1e-6, **options)


# name: (layer, shape of the input in PyTorch's layout or None, shape of the context or None)
LAYERS = {
    "linear": (nn.Linear(5, 7), [2, 3, 5]),
    "linear-no-bias": (nn.Linear(5, 3, bias=False), [4, 5]),
    "conv1d": (nn.Conv1d(3, 5, 3, padding=1), [2, 3, 9]),
    "conv1d-dilated": (nn.Conv1d(4, 6, 3, padding=4, dilation=4), [2, 4, 11]),
    "conv1d-stride-groups": (nn.Conv1d(4, 6, 4, stride=3, padding=2, groups=2), [2, 4, 12]),
    "conv2d": (nn.Conv2d(3, 4, 3, padding=1), [2, 3, 5, 6]),
    "conv2d-pointwise": (nn.Conv2d(3, 4, 1), [2, 3, 4, 3]),
    "conv2d-stride": (nn.Conv2d(3, 4, 3, stride=2, padding=1), [2, 3, 7, 6]),
    "conv2d-no-padding-no-bias": (nn.Conv2d(2, 3, 2, bias=False), [1, 2, 4, 5]),
    "conv2d-dilated": (nn.Conv2d(2, 3, 3, padding=2, dilation=2), [2, 2, 6, 7]),
    "conv2d-groups": (nn.Conv2d(6, 4, 3, padding=1, groups=2), [2, 6, 4, 5]),
    "conv2d-depthwise": (nn.Conv2d(4, 4, 3, padding=1, groups=4), [1, 4, 5, 5]),
    "conv2d-stride-dilated-groups": (
        nn.Conv2d(4, 6, 3, stride=2, padding=3, dilation=3, groups=2),
        [2, 4, 9, 8],
    ),
    "group-norm": (nn.GroupNorm(3, 6), [2, 6, 4, 5]),
    "group-norm-one-group": (nn.GroupNorm(1, 4, eps=1e-3), [2, 4, 7]),
    "group-norm-each-channel": (nn.GroupNorm(4, 4, eps=1e-6), [2, 4, 3, 3]),
    "layer-norm": (nn.LayerNorm(6), [2, 3, 6]),
    "layer-norm-plain": (nn.LayerNorm(6, eps=1e-6, elementwise_affine=False), [2, 3, 6]),
    "attention": (attention(query_dim=8, heads=2, dim_head=4, bias=True), [2, 5, 8]),
    "attention-norm-residual": (
        attention(query_dim=8, heads=2, dim_head=4, bias=True, norm_num_groups=4, residual_connection=True),
        [2, 6, 8],
    ),
    "attention-one-head-no-bias": (attention(query_dim=6, heads=1, dim_head=10), [1, 4, 6]),
    "attention-cross": (
        attention(query_dim=8, cross_attention_dim=5, heads=4, dim_head=3),
        [2, 5, 8],
        [2, 7, 5],
    ),
    "upsample-nearest": (nn.Upsample(scale_factor=2, mode="nearest"), [2, 3, 3, 2]),
    "upsample": (Upsample2D(3, use_conv=True), [2, 3, 4, 3]),
    "downsample": (Downsample2D(3, use_conv=True, padding=1, name="op"), [2, 3, 6, 8]),
    "downsample-odd": (Downsample2D(2, use_conv=True, padding=1, name="op"), [1, 2, 5, 7]),
    "downsample-right-bottom": (Downsample2D(3, use_conv=True, padding=0, name="op"), [2, 3, 6, 8]),
    "timestep-embedding": (TimestepEmbedding(6, 8), [3, 6]),
}
TIMES = [0.0, 1.0, 7.5, 20.0]
# name: channels, [cos, sin] instead of [sin, cos], frequency shift
SINUSOIDS = {
    "sinusoid-ddpm": (8, False, 1.0),
    "sinusoid-adm": (8, True, 0.0),
    "sinusoid-odd": (9, False, 1.0),
    "sinusoid-odd-flipped": (7, True, 0.0),
}


def channels_last(tensor: torch.Tensor, convolutional: bool) -> torch.Tensor:
    return tensor.movedim(1, -1) if convolutional else tensor


def stored(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().to(torch.float32)


def make(name: str, layer: nn.Module, inputs: list[torch.Tensor], generator: torch.Generator) -> dict:
    y = layer(*inputs)
    dy = torch.randn(y.shape, generator=generator, dtype=torch.float64)
    (y * dy).sum().backward()
    spatial = isinstance(layer, (nn.Conv1d, nn.Conv2d, nn.GroupNorm, nn.Upsample, Upsample2D, Downsample2D))
    last = lambda tensor: stored(channels_last(tensor, spatial))
    out = {"y": last(y), "dy": last(dy)}
    for key, tensor in zip(["x", "context"], inputs):
        if tensor.is_floating_point():
            out[key] = last(tensor)
            out["d" + key] = last(tensor.grad)
        else:
            out[key] = tensor.to(torch.int32)
    for parameter, values in layer.named_parameters():
        out["w." + parameter] = stored(values)
        out["d." + parameter] = stored(values.grad)
    return {f"{name}/{key}": tensor for key, tensor in out.items()}


def main() -> None:
    torch.set_num_threads(1)
    goldens = {}
    for index, (name, (layer, *shapes)) in enumerate(LAYERS.items()):
        generator = torch.Generator().manual_seed(1000 + index)
        layer = layer.eval()
        randomise(layer, 2000 + index)
        # Inputs and weights are what float32 holds, so that both sides start from the same numbers.
        inputs = [torch.randn(s, generator=generator).double().requires_grad_() for s in shapes]
        goldens |= make(name, layer.double(), inputs, generator)

    generator = torch.Generator().manual_seed(3000)
    embedding = nn.Embedding(6, 4)
    randomise(embedding, 3001)
    indices = torch.tensor([[5, 0, 3], [3, 3, 1]])
    goldens |= make("embedding", embedding.double(), [indices], generator)
    for name, (channels, flip, shift) in SINUSOIDS.items():
        times = torch.tensor(TIMES, dtype=torch.float64).requires_grad_()
        goldens |= make(name, Sinusoid(channels, flip, shift), [times], generator)

    save_tensors(FILE, goldens)
    print(f"{len({key.split('/')[0] for key in goldens})} cases, {FILE.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
