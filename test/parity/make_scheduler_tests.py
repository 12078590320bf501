"""Prints what diffusers gives for the two pinned loops of scheduler-tests.cases.ts from which we differ on purpose, run
without the reason for the difference. The numbers stand in that file as `instead`.

    pip install scipy
    python test/parity/make_scheduler_tests.py

DDPM, test_full_loop_with_noise: 1 - alphaBar_t / alphaBar_(t-1) is 1.2e-4 at t = 1, of which float32 keeps three and a half
digits; here alphas_cumprod, the same float32 numbers, is float64, and so is the arithmetic. The noise is the same.
LMS, test_full_loop_with_noise: the loop begins at step 8, and the scheduler takes of the weights of order four the one of
the newest slope, as it has no others; here step() is told the order that its slopes allow.
"""

import diffusers
import torch
from diffusers import DDPMScheduler, LMSDiscreteScheduler
from diffusers.schedulers import scheduling_ddpm

N = 4 * 3 * 8 * 8
sample = (torch.arange(N).reshape(3, 8, 8, 4) / N).permute(3, 0, 1, 2)
noise = (torch.arange(N).flip(-1).reshape(3, 8, 8, 4) / N).permute(3, 0, 1, 2)


def ddpm(exact):
    config = {"beta_start": 0.0001, "beta_end": 0.02, "variance_type": "fixed_small", "clip_sample": True}
    scheduler = DDPMScheduler(**config)
    timesteps = scheduler.timesteps[998:]
    x = sample
    if exact:
        scheduler.alphas_cumprod = scheduler.alphas_cumprod.double()
        scheduler.one = scheduler.one.double()
        x = x.double()
    x = scheduler.add_noise(x, noise.to(x.dtype), timesteps[:1])
    generator = torch.manual_seed(0)
    scheduling_ddpm.randn_tensor = lambda shape, **_: torch.randn(shape, generator=generator).to(x.dtype)
    for t in timesteps:
        x = scheduler.step(x * t / (t + 1), t, x, generator=generator).prev_sample
    return x


def lms(ordered):
    scheduler = LMSDiscreteScheduler(num_train_timesteps=1100, beta_start=0.0001, beta_end=0.02)
    scheduler.set_timesteps(10)
    timesteps = scheduler.timesteps[8:]
    x = scheduler.add_noise(sample * scheduler.init_noise_sigma, noise, timesteps[:1])
    for i, t in enumerate(timesteps):
        x = scheduler.scale_model_input(x, t)
        x = scheduler.step(x * t / (t + 1), t, x, **({"order": i + 1} if ordered else {})).prev_sample
    return x


print("diffusers", diffusers.__version__, "torch", torch.__version__)
for run in (ddpm, lms):
    for changed in (False, True):
        x = run(changed).abs()
        print(run.__name__, "changed" if changed else "as tested", f"sum {x.sum():.8g} mean {x.mean():.8g}")
