"""Writes paths.golden.json: tables of betas, sigmas between timesteps, preconditionings and a learned schedule.

    python test/parity/make_paths.py test/parity/paths.golden.json

Computed in float64 from the formulas of the papers with NumPy, except for what is under "diffusers", which its schedulers
compute in float32, and the slopes of the learned schedule, which are PyTorch's automatic derivatives.
"""

import json
import sys

import diffusers
import numpy as np
import torch
from diffusers import DDPMScheduler

T = 1000
KEPT = [0, 1, 250, 500, 750, 998, 999]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def from_bars(f, most):
    grid = f(np.arange(T + 1) / T)
    return np.minimum(1 - grid[1:] / grid[:-1], most)


def sigmoid_bar(start, end, tau):
    s = lambda u: sigmoid((u * (end - start) + start) / tau)
    return lambda u: (s(1.0) - s(u)) / (s(1.0) - s(0.0))


def zero_snr_bars(betas):
    root = np.sqrt(np.cumprod(1 - betas))
    first, last = root[0], root[-1]
    return ((root - last) * first / (first - last)) ** 2


tables = {
    "linear": np.linspace(1e-4, 0.02, T),
    "scaledLinear": np.linspace(0.00085**0.5, 0.012**0.5, T) ** 2,
    "quadratic": np.linspace(1e-4**0.5, 0.02**0.5, T) ** 2,
    "constant": np.full(T, 0.02),
    "sigmoid": sigmoid(np.linspace(-6, 6, T)) * (0.02 - 1e-4) + 1e-4,
    "cosine": from_bars(lambda u: np.cos((u + 0.008) / 1.008 * np.pi / 2) ** 2, 0.999),
    "sigmoidAlphaBar": from_bars(sigmoid_bar(-3, 3, 1), 0.999),
}


def rounded(values, digits=12):
    return [float(f"{value:.{digits}g}") for value in np.asarray(values).tolist()]


golden = {
    "made": {"numpy": np.__version__, "torch": torch.__version__, "diffusers": diffusers.__version__},
    "timesteps": KEPT,
    "alphaBars": {name: rounded(np.cumprod(1 - betas)[KEPT]) for name, betas in tables.items()},
    "zeroTerminalSnr": {name: rounded(zero_snr_bars(betas)[KEPT]) for name, betas in tables.items()},
}

# Sigma between timesteps: ln sigma interpolated in t, k-diffusion's convention.
bars = np.cumprod(1 - tables["scaledLinear"])
times = [0.25, 17.5, 500.125, 998.75]
log_sigma = 0.5 * np.log((1 - bars) / bars)
golden["between"] = {"times": times, "sigmas": rounded(np.exp(np.interp(times, np.arange(T), log_sigma)))}


def of_diffusers(**config):
    return rounded(DDPMScheduler(**config).alphas_cumprod.numpy()[KEPT], 8)


golden["diffusers"] = {
    "sigmoid": of_diffusers(beta_schedule="sigmoid"),
    "zeroTerminalSnr": of_diffusers(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, rescale_betas_zero_snr=True
    ),
}

# Preconditionings (Karras et al. 2022, table 1 and appendix C.3.4).
sigmas = [0.01, 0.05, 0.5, 1.0, 7.0, 80.0]
beta_d, beta_min = 19.9, 0.1
time_of = lambda sigma: (np.sqrt(beta_min**2 + 2 * beta_d * np.log(1 + sigma**2)) - beta_min) / beta_d
u = np.zeros(T + 1)
bar = lambda j: np.sin(0.5 * np.pi * j / T / 1.008) ** 2
for j in range(T, 0, -1):
    u[j - 1] = np.sqrt((u[j] ** 2 + 1) / max(bar(j - 1) / bar(j), 0.001) - 1)
s = np.array(sigmas)
d = 0.5
golden["preconditioning"] = {
    "sigmas": sigmas,
    "preconditionedVp": {
        "cSkip": rounded(1 + 0 * s),
        "cOut": rounded(-s),
        "cIn": rounded(1 / np.sqrt(1 + s**2)),
        "cNoise": rounded((T - 1) * time_of(s)),
    },
    "preconditionedVe": {
        "cSkip": rounded(1 + 0 * s),
        "cOut": rounded(s),
        "cIn": rounded(1 + 0 * s),
        "cNoise": rounded(np.log(s / 2)),
    },
    "preconditionedIddpm": {
        "cSkip": rounded(1 + 0 * s),
        "cOut": rounded(-s),
        "cIn": rounded(1 / np.sqrt(1 + s**2)),
        "cNoise": [T - 1 - int(np.abs(u - sigma).argmin()) for sigma in sigmas],
    },
    "edm": {
        "cSkip": rounded(d**2 / (s**2 + d**2)),
        "cOut": rounded(s * d / np.sqrt(s**2 + d**2)),
        "cIn": rounded(1 / np.sqrt(s**2 + d**2)),
        "cNoise": rounded(np.log(s) / 4),
    },
    "consistency": {
        "cSkip": rounded(d**2 / ((s - 0.002) ** 2 + d**2)),
        "cOut": rounded((s - 0.002) * d / np.sqrt(s**2 + d**2)),
        "cIn": rounded(1 / np.sqrt(s**2 + d**2)),
        "cNoise": rounded(250 * np.log(s)),
    },
}
golden["iddpmSigmas"] = {"indices": [0, 1, 500, 998, 999, 1000], "values": rounded(u[[0, 1, 500, 998, 999, 1000]])}

# The monotone network of Variational Diffusion Models, with eight hidden units; some kernels are negative.
generator = np.random.default_rng(7)
offset, slope = -12.0, -14.5
inner, bias, outer = (generator.normal(scale=scale, size=8).round(6) for scale in (3.0, 2.0, 20.0))
t = torch.tensor([0.0, 0.1, 0.37, 0.5, 0.93, 1.0], dtype=torch.float64, requires_grad=True)
hidden = 2 * (torch.sigmoid(2 * (t[:, None] - 0.5) * torch.tensor(np.abs(inner)) + torch.tensor(bias)) - 0.5)
gamma = offset + abs(slope) * t + (hidden * torch.tensor(np.abs(outer))).sum(1) / 8
(slopes,) = torch.autograd.grad(gamma.sum(), t)
gamma = gamma.detach()
golden["learned"] = {
    "options": {"offset": offset, "slope": slope, "inner": inner.tolist(), "innerBias": bias.tolist(), "outer": outer.tolist()},
    "times": t.detach().tolist(),
    "gamma": rounded(gamma, 14),
    "slopes": rounded(slopes, 14),
    "alpha": rounded(torch.sigmoid(-gamma).sqrt(), 14),
    "sigma": rounded(torch.sigmoid(gamma).sqrt(), 14),
}

with open(sys.argv[1], "w") as file:
    json.dump(golden, file, indent=1)
    file.write("\n")
