"""
Loads a folder that langevin wrote in diffusers' UNet2DModel and compares outputs.

    python test/parity/check_folder.py FOLDER [--io FILE] [--weights NAME] [--patch P] [--tolerance 1e-4]

FOLDER holds config.json (UNet2DModel's fields) and the weights, as `diffusion_pytorch_model.safetensors` (the name that
`from_pretrained` looks for) or `model.safetensors` (the name in a run folder, loaded here under the other name). FILE,
by default FOLDER/io.safetensors, holds langevin's own `sample` [N, C, H, W], `timestep` [N], `class_labels` [N] where
the network has classes, and `output`. With --patch P the sample and the output are whole images, and the network
sees their P x P blocks as channels (torch's pixel_unshuffle: channel = c * P * P + row * P + column).

Prints the largest absolute difference. Exits 0 if all is well, 1 if the outputs differ by more than the tolerance,
2 if the folder does not load: unlike diffusers, a missing, unexpected or misshapen tensor is an error.
"""

import argparse
import pathlib
import shutil
import sys
import tempfile

import torch
from diffusers import UNet2DModel
from safetensors.torch import load_file

DIFFUSERS_NAME = "diffusion_pytorch_model.safetensors"


def fail(message: str) -> None:
    print(f"check_folder: {message}", file=sys.stderr)
    raise SystemExit(2)


def find_weights(folder: pathlib.Path, name: str | None) -> pathlib.Path:
    names = [name] if name else [DIFFUSERS_NAME, "model.safetensors"]
    for candidate in names:
        if (folder / candidate).is_file():
            return folder / candidate
    fail(f"{folder} holds none of {', '.join(names)}")


def load_network(folder: pathlib.Path, weights: pathlib.Path) -> UNet2DModel:
    """`from_pretrained` on a copy with diffusers' file names; every tensor must be used, and none may be missing."""
    if not (folder / "config.json").is_file():
        fail(f"{folder} holds no config.json")
    with tempfile.TemporaryDirectory() as copy:
        shutil.copy(folder / "config.json", copy)
        shutil.copy(weights, pathlib.Path(copy, DIFFUSERS_NAME))
        try:
            network, info = UNet2DModel.from_pretrained(
                copy, output_loading_info=True, use_safetensors=True, low_cpu_mem_usage=False
            )
        except Exception as error:
            fail(f"diffusers refused {folder}: {error}")
    problems = {kind: sorted(map(str, names)) for kind, names in info.items() if names}
    if problems:
        fail(f"{weights} does not fit config.json: {problems}")
    return network.eval()


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare a folder written by langevin with diffusers' UNet2DModel.")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--io", type=pathlib.Path)
    parser.add_argument("--weights", help="file name of the weights, for example ema.safetensors")
    parser.add_argument("--patch", type=int, default=1)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    options = parser.parse_args()

    weights = find_weights(options.folder, options.weights)
    network = load_network(options.folder, weights)
    io_path = options.io or options.folder / "io.safetensors"
    if not io_path.is_file():
        fail(f"{io_path} is missing: write sample, timestep and output there")
    io = load_file(str(io_path))
    sample = torch.nn.functional.pixel_unshuffle(io["sample"], options.patch)
    with torch.inference_mode():
        output = network(sample, io["timestep"], io.get("class_labels")).sample
    output = torch.nn.functional.pixel_shuffle(output, options.patch)
    if output.shape != io["output"].shape:
        fail(f"diffusers returns {list(output.shape)}, {io_path} holds {list(io['output'].shape)}")
    difference = (output - io["output"]).abs().max().item()
    passed = difference <= options.tolerance  # False for a NaN
    print(
        f"{weights.name}: {network.num_parameters():,} parameters, output {list(output.shape)} of std {output.std():.3f}, "
        f"max abs difference {difference:.3e} ({'within' if passed else 'above'} {options.tolerance:g})"
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
