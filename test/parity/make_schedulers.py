"""Writes schedulers.golden.json: trajectories of the DDPM and DDIM schedulers of diffusers with a toy network.

    python test/parity/make_schedulers.py test/parity/schedulers.golden.json

Made with the versions that the file names. Everything runs in float64: the float32 table of alphas_cumprod that the
schedulers build is replaced by the same table in float64, so that what is compared is the step, not the table.

The toy network is toy(x, t) = 0.8 x t / (t + 100) + 0.3 sin(3 x + t / 50).

DDIMScheduler.step takes the next time as t - T // N, which is wrong for linspace and for an N that does not divide T
(diffusers issues 11347, 12633, 9261). Where that differs from its own list of timesteps the case is marked "told" and
the scheduler is told the true gap for each step: num_train_timesteps is set to the gap and num_inference_steps to 1,
which step() reads for nothing else.
"""

import itertools
import json
import sys

import diffusers
import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from diffusers.schedulers import scheduling_ddpm

T = 1000
SHAPE = (1, 1, 2, 2)
PREDICTIONS = {"noise": "epsilon", "sample": "sample", "v": "v_prediction"}
generator = np.random.default_rng(20240607)
start = generator.standard_normal(SHAPE).astype(np.float32)
noises = generator.standard_normal((10, *SHAPE)).astype(np.float32)


def toy(x, t):
    return 0.8 * x * t / (t + 100) + 0.3 * torch.sin(3 * x + t / 50)


def in_float64(scheduler):
    scheduler.alphas_cumprod = torch.cumprod(1 - torch.linspace(1e-4, 0.02, T, dtype=torch.float64), dim=0)
    if hasattr(scheduler, "final_alpha_cumprod"):
        to_one = scheduler.config.set_alpha_to_one
        scheduler.final_alpha_cumprod = torch.tensor(1.0, dtype=torch.float64) if to_one else scheduler.alphas_cumprod[0]
    return scheduler


def flat(x):
    return [float(f"{value:.8g}") for value in x.flatten().tolist()]


def ddim(prediction, spacing, steps, clip, eta=0.0, offset=0, to_one=True, use_clipped=False):
    scheduler = in_float64(
        DDIMScheduler(
            prediction_type=PREDICTIONS[prediction],
            timestep_spacing=spacing,
            clip_sample=clip is not False,
            clip_sample_range=clip or 1.0,
            steps_offset=offset,
            set_alpha_to_one=to_one,
        )
    )
    scheduler.set_timesteps(steps)
    times = scheduler.timesteps.tolist()
    gaps = [a - b for a, b in zip(times, times[1:])]
    told = any(gap != T // steps for gap in gaps)
    x = torch.from_numpy(start).double()
    trajectory, samples = [], []
    for i, t in enumerate(times):
        if told:
            gap = gaps[i] if i < len(gaps) else t + 1
            scheduler.num_inference_steps = 1
            scheduler.register_to_config(num_train_timesteps=gap)
        noise = torch.from_numpy(noises[i]).double() if eta > 0 else None
        step = scheduler.step(toy(x, t), t, x, eta=eta, use_clipped_model_output=use_clipped, variance_noise=noise)
        x = step.prev_sample
        trajectory.append(flat(x))
        samples.append(flat(step.pred_original_sample))
    options = {"steps": steps, "spacing": spacing, "clip": clip, "eta": eta, "stepsOffset": offset}
    options |= {"setAlphaToOne": to_one, "noiseFromClipped": use_clipped}
    case = {"prediction": prediction, "options": options, "told": told, "times": times, "trajectory": trajectory}
    return case | {"samples": samples} if steps == 7 else case


def ddpm(prediction, spacing, steps, clip, variance):
    scheduler = in_float64(
        DDPMScheduler(
            prediction_type=PREDICTIONS[prediction],
            timestep_spacing=spacing,
            clip_sample=clip is not False,
            clip_sample_range=clip or 1.0,
            variance_type=f"fixed_{variance}",
        )
    )
    scheduler.set_timesteps(steps)
    times = scheduler.timesteps.tolist()
    x = torch.from_numpy(start).double()
    trajectory, samples = [], []
    for i, t in enumerate(times):
        scheduling_ddpm.randn_tensor = lambda *_, **__: torch.from_numpy(noises[i]).double()  # noqa: B023
        step = scheduler.step(toy(x, t), t, x)
        x = step.prev_sample
        trajectory.append(flat(x))
        samples.append(flat(step.pred_original_sample))
    options = {"steps": steps, "spacing": spacing, "clip": clip, "variance": variance}
    case = {"prediction": prediction, "options": options, "times": times, "trajectory": trajectory}
    return case | {"samples": samples} if steps == 7 else case


def spacings():
    """For every N: sum over i of (i + 1) t_i, summed over N with weight N; and the N whose list is not N long."""
    result = {}
    for spacing in ("leading", "linspace", "trailing"):
        scheduler = DDIMScheduler(timestep_spacing=spacing)
        checksum, wrong = 0, []
        for steps in range(1, T + 1):
            scheduler.set_timesteps(steps)
            times = scheduler.timesteps.tolist()
            if len(times) != steps or min(times) < 0:
                wrong.append(steps)
                times = times[:steps]
            checksum += steps * sum((i + 1) * t for i, t in enumerate(times))
        result[spacing] = {"checksum": checksum, "wrongLength": wrong}
    return result


names = list(PREDICTIONS)
plain = itertools.product(names, ("leading", "linspace", "trailing"), (10, 7), (1.0, False))
golden = {
    "madeBy": "test/parity/make_schedulers.py",
    "versions": {"diffusers": diffusers.__version__, "torch": torch.__version__, "numpy": np.__version__},
    "shape": SHAPE,
    "start": [float(value) for value in start.flatten()],
    "noises": [[float(value) for value in noise.flatten()] for noise in noises],
    "spacings": spacings(),
    "ddim": [ddim(*case) for case in plain]
    + [ddim("noise", "leading", 10, False, offset=1, to_one=False)]
    + [ddim("noise", "trailing", 10, 0.5, use_clipped=True)]
    + [ddim("v", "trailing", 10, 1.0, eta=1.0, use_clipped=True), ddim("noise", "leading", 10, 1.0, eta=0.5)],
    # With trailing and fixed_large the scheduler adds noise in its last step, which is not at t = 0; so it is left out.
    "ddpm": [
        ddpm(prediction, spacing, steps, clip, variance)
        for prediction, (spacing, steps), clip, variance in itertools.product(
            names, (("leading", 10), ("linspace", 7)), (1.0, False), ("small", "large")
        )
    ]
    + [ddpm("noise", "trailing", 7, 1.0, "small")],
}
with open(sys.argv[1], "w") as file:
    json.dump(golden, file, separators=(",", ":"))
    file.write("\n")
print({spacing: len(entry["wrongLength"]) for spacing, entry in golden["spacings"].items()}, golden["versions"])
print("told:", sum(case["told"] for case in golden["ddim"]), "of", len(golden["ddim"]))
