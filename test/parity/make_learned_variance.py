"""The learned log variances of diffusers' DDPMScheduler, for ddpm.test.ts: python make_learned_variance.py"""
import json
import torch
from diffusers import DDPMScheduler

rows = []
for steps in (10, 50):
    scheduler = DDPMScheduler(variance_type="learned_range", timestep_spacing="trailing")
    scheduler.set_timesteps(steps)
    for index in (0, 3, steps - 2):
        t = int(scheduler.timesteps[index])
        for v in (-1.0, -0.25, 0.5, 1.0):
            value = scheduler._get_variance(t, predicted_variance=torch.tensor(v, dtype=torch.float64))
            rows.append([steps, t, v, float(value)])
print(json.dumps(rows))
