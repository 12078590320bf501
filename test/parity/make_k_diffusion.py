"""Writes k-diffusion.golden.json: trajectories of the samplers of k-diffusion, with noise given.

    pip install --no-deps k-diffusion torchdiffeq torchsde trampoline scipy
    python test/parity/make_k_diffusion.py test/parity/k-diffusion.golden.json

Made with the versions that the file names, in float64. Of k-diffusion only sampling.py is run; its other modules want
packages that sampling does not need, so `k_diffusion.utils` is a stand-in with the one function that sampling calls.

The denoiser is D(x, s) = (0.3 s² + 0.25 x) / (s² + 0.25) + 0.1 sin(x / sqrt(s² + 1)). A case holds the sampler and its
arguments, the noise levels, x at the start, the noise that was used (in order, and none that was drawn for nothing), x at
every evaluation of the denoiser, and x at the end. In sample_dpmpp_sde the noise of a whole step is that of its first part and a fresh one, joined as one
Brownian motion; the two that are stored are these.
"""

import importlib.metadata
import importlib.util
import json
import math
import os
import sys
import types

import numpy as np
import torch

folder = os.path.dirname(importlib.util.find_spec("k_diffusion").origin)
package, utils = types.ModuleType("k_diffusion"), types.ModuleType("k_diffusion.utils")
package.__path__ = [folder]
utils.append_dims = lambda x, dims: x[(...,) + (None,) * (dims - x.ndim)]
package.utils = utils
sys.modules |= {"k_diffusion": package, "k_diffusion.utils": utils}
from k_diffusion import sampling  # noqa: E402

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(20250302)
SIZE = 8


def denoiser(x, sigma):
    s = sigma[:, None]
    return (0.3 * s**2 + 0.25 * x) / (s**2 + 0.25) + 0.1 * torch.sin(x / torch.sqrt(s**2 + 1))


def rounded(x):
    return [float(f"{value:.9g}") for value in x.flatten().tolist()]


def draw():
    return torch.from_numpy(rng.standard_normal((1, SIZE)).astype(np.float32)).double()


def schedule(steps, kind, sigma_min, sigma_max, rho):
    if kind == "karras":
        sigmas = sampling.get_sigmas_karras(steps, sigma_min, sigma_max, rho)
    elif kind == "exponential":
        sigmas = sampling.get_sigmas_exponential(steps, sigma_min, sigma_max)
    else:
        sigmas = sampling.get_sigmas_polyexponential(steps, sigma_min, sigma_max, rho)
    return sigmas


def case(sampler, **arguments):
    steps = int(rng.integers(5, 10))
    kind = ["karras", "exponential", "polyexponential"][rng.integers(3)]
    given = {"sigmaMin": float(rng.choice([0.002, 0.02])), "sigmaMax": float(rng.choice([80.0, 14.6]))}
    if kind != "exponential":
        given["rho"] = float(rng.choice([5.0, 7.0]) if kind == "karras" else rng.choice([1.0, 1.5]))
    sigmas = schedule(steps, kind, given["sigmaMin"], given["sigmaMax"], given.get("rho"))
    x = draw() * sigmas[0]
    noise, asked = [], []

    def used(z):
        noise.append(rounded(z))
        return z

    def churn_noise(_):
        return used(draw()) if arguments.get("s_churn", 0) > 0 else draw()

    def spy(x, sigma):
        asked.append(rounded(x))
        return denoiser(x, sigma)

    first = {}

    def noise_sampler(sigma, sigma_next):
        z = used(draw())
        if sampler != "dpmpp_sde":
            return z
        if "z" not in first:
            first.update(z=z, to=sigma_next)
            return z
        middle, z_first = first.pop("to"), first.pop("z")
        whole = sigma - sigma_next
        return torch.sqrt((sigma - middle) / whole) * z_first + torch.sqrt((middle - sigma_next) / whole) * z

    sampling.torch.randn_like, kept = churn_noise, torch.randn_like
    extra = {}
    if sampler in ("euler_ancestral", "dpm_2_ancestral", "dpmpp_2s_ancestral", "dpmpp_sde", "dpmpp_2m_sde", "dpmpp_3m_sde"):
        extra["noise_sampler"] = noise_sampler
    try:
        function = getattr(sampling, f"sample_{sampler}")
        end = function(spy, x, sigmas, disable=True, **extra, **arguments)
    finally:
        sampling.torch.randn_like = kept
    return {
        "sampler": sampler,
        "arguments": arguments,
        "steps": steps,
        "schedule": {"schedule": kind, **given},
        "sigmas": rounded(sigmas),
        "start": rounded(x),
        "noise": noise,
        "asked": asked,
        "end": rounded(end),
    }


golden = {
    "madeBy": "test/parity/make_k_diffusion.py",
    "versions": {name: importlib.metadata.version(name) for name in ("k-diffusion", "torch", "torchsde", "numpy")},
    "cases": [
        case("euler"),
        case("euler", s_churn=2.5, s_noise=1.003),
        case("euler_ancestral"),
        case("euler_ancestral", eta=0.6, s_noise=0.9),
        case("heun"),
        case("heun", s_churn=20.0, s_noise=1.007),
        case("dpm_2"),
        case("dpm_2", s_churn=1.5),
        case("dpm_2_ancestral"),
        case("dpm_2_ancestral", eta=0.4),
        case("lms"),
        case("lms", order=2),
        case("lms", order=3),
        case("dpmpp_2s_ancestral"),
        case("dpmpp_2s_ancestral", eta=0.3, s_noise=1.1),
        case("dpmpp_sde"),
        case("dpmpp_sde", eta=0.5, r=0.4),
        case("dpmpp_2m"),
        case("dpmpp_2m"),
        case("dpmpp_2m_sde"),
        case("dpmpp_2m_sde", solver_type="heun", eta=0.7),
        case("dpmpp_2m_sde", eta=0.0),
        case("dpmpp_3m_sde"),
        case("dpmpp_3m_sde", eta=0.5, s_noise=1.05),
        case("dpmpp_3m_sde", eta=0.0),
    ],
}
with open(sys.argv[1], "w") as file:
    file.write(json.dumps(golden, separators=(",", ":")).replace('{"sampler"', '\n{"sampler"') + "\n")
print(golden["versions"], len(golden["cases"]))
