"""Writes scheduler-trajectories.golden.json: trajectories of diffusers' schedulers for configurations drawn at random.

    pip install --no-deps torchsde trampoline scipy
    python test/parity/make_scheduler_trajectories.py test/parity/scheduler-trajectories.golden.json

Made with the versions that the file names, in float32 as diffusers runs. The network is
net(x, t) = 0.5 x t / (t + 100) + 0.2 sin(2 x + t / 50), fed what the scheduler's scale_model_input gives. Each case holds
the configuration (every other case all of it, as scheduler_config.json has it), the number of steps, init_noise_sigma
("spread"; the start is that times the eight numbers of "start"), the times that the network was fed, and the state after
every whole step, in the scheduler's own units. Noise is drawn after torch.manual_seed(seed); DPMSolverSDE has the seed of
its Brownian motion in its configuration.

Left out on purpose, because diffusers takes t - T // N for the next time there instead of the next of its own list (issues
11347, 12633, 9261): linspace spacing, and N that does not divide T, for DDPM, DDIM and PNDM.
"""

import inspect
import json
import sys
import warnings

import diffusers
import numpy as np
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    DPMSolverSDEScheduler,
    DPMSolverSinglestepScheduler,
    EDMDPMSolverMultistepScheduler,
    EDMEulerScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    FlowMatchHeunDiscreteScheduler,
    HeunDiscreteScheduler,
    KDPM2AncestralDiscreteScheduler,
    KDPM2DiscreteScheduler,
    LCMScheduler,
    LMSDiscreteScheduler,
    PNDMScheduler,
    UniPCMultistepScheduler,
)

warnings.filterwarnings("ignore")
diffusers.utils.logging.set_verbosity_error()
rng = np.random.default_rng(20250301)
start = rng.standard_normal(8).astype(np.float32)

BETAS = [
    {"beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02},
    {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012},
    {"beta_schedule": "squaredcos_cap_v2"},
]
SIGMAS = [{}, {}, {"use_karras_sigmas": True}, {"use_exponential_sigmas": True}, {"use_beta_sigmas": True}]
SPACINGS = [
    {"timestep_spacing": "leading"},
    {"timestep_spacing": "leading", "steps_offset": 1},
    {"timestep_spacing": "trailing"},
    {"timestep_spacing": "linspace"},
]
PREDICTIONS = ["epsilon", "sample", "v_prediction"]
ZERO_SNR = {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing", "prediction_type": "v_prediction"}


def pick(options):
    return options[rng.integers(len(options))]


def common(predictions=PREDICTIONS, spacings=SPACINGS, betas=BETAS):
    return {**pick(betas), "prediction_type": pick(predictions), **pick(spacings)}


def clipping():
    return pick([{"clip_sample": False}, {"clip_sample": True}, {"clip_sample": True, "clip_sample_range": 0.7}])


def thresholding():
    return pick([{}, {}, {"thresholding": True, "sample_max_value": 0.8, "dynamic_thresholding_ratio": 0.7}])


def zero_snr(config):
    return {**config, **ZERO_SNR} if rng.random() < 0.2 else config


def ddpm():
    config = {**common(spacings=SPACINGS[:3:2]), "variance_type": "fixed_small", **clipping(), **thresholding()}
    return zero_snr(config), pick([5, 8, 10])


def ddim():
    config = {**common(spacings=SPACINGS[:3]), **clipping(), "set_alpha_to_one": bool(rng.integers(2)), **thresholding()}
    return zero_snr(config), pick([5, 8, 10])


def pndm():
    skip = bool(rng.integers(2))
    config = {**common(["epsilon", "v_prediction"], SPACINGS[:2]), "skip_prk_steps": skip}
    return {**config, "set_alpha_to_one": bool(rng.integers(2))}, pick([5, 8, 10])


def sigma_space(predictions=PREDICTIONS):
    # With cosine betas sigma starts at 20291, where float32 keeps no digit of a state near 1 that is the difference of such.
    return {**common(predictions, betas=BETAS[:2]), **pick(SIGMAS)}, int(rng.integers(4, 12))


def lms():
    return sigma_space()


def euler():
    config, steps = sigma_space()
    config = {**config, "final_sigmas_type": pick(["zero", "sigma_min"])}
    return config, steps


def euler_ancestral():
    return common(betas=BETAS[:2]), int(rng.integers(4, 12))


def heun():
    return sigma_space()


def kdpm2():
    return sigma_space(["epsilon", "v_prediction"])


def dpm_sde():
    config, steps = sigma_space()
    return {**config, "noise_sampler_seed": int(rng.integers(1000))}, steps


def dpm_multistep():
    config = {**common(), **thresholding(), **pick([*SIGMAS, {"use_lu_lambdas": True}])}
    config["algorithm_type"] = pick(["dpmsolver++", "dpmsolver++", "sde-dpmsolver++", "dpmsolver", "sde-dpmsolver"])
    config["solver_order"] = int(rng.integers(1, 3 if config["algorithm_type"].startswith("sde") else 4))
    config["solver_type"] = pick(["midpoint", "heun"])
    config["lower_order_final"] = bool(rng.integers(2))
    config["euler_at_final"] = bool(rng.integers(4) == 0)
    config["final_sigmas_type"] = pick(["zero", "sigma_min"]) if config["algorithm_type"].endswith("++") else "sigma_min"
    if not config["algorithm_type"].endswith("++"):
        config.pop("thresholding", None)
    if config["beta_schedule"] == "squaredcos_cap_v2":
        config["lambda_min_clipped"] = -5.1
    return config, int(rng.integers(5, 16))


def dpm_multistep_flow():
    config = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": float(pick([1.0, 3.0]))}
    config["algorithm_type"] = pick(["dpmsolver++", "sde-dpmsolver++"])
    return {**config, "solver_order": 2, "final_sigmas_type": "zero"}, int(rng.integers(5, 12))


def dpm_singlestep():
    config = {**common(spacings=[{}]), **thresholding(), **pick(SIGMAS)}
    config["algorithm_type"] = pick(["dpmsolver++", "dpmsolver++", "dpmsolver", "sde-dpmsolver++"])
    sde = config["algorithm_type"].startswith("sde")
    config["solver_order"] = int(rng.integers(1, 3 if sde else 4))
    config["solver_type"] = pick(["midpoint", "heun"])
    config["lower_order_final"] = bool(rng.integers(2))
    config["final_sigmas_type"] = pick(["zero", "sigma_min"]) if config["algorithm_type"] != "dpmsolver" else "sigma_min"
    if config["algorithm_type"] == "dpmsolver":
        config.pop("thresholding", None)
    if config["beta_schedule"] == "squaredcos_cap_v2":
        config["lambda_min_clipped"] = -5.1
    return config, int(rng.integers(5, 16))


def unipc():
    config = {**common(), **thresholding(), **pick(SIGMAS)}
    config["solver_order"] = int(rng.integers(1, 4))
    config["solver_type"] = pick(["bh1", "bh2"])
    config["predict_x0"] = bool(rng.integers(4) > 0)
    config["lower_order_final"] = bool(rng.integers(2))
    config["disable_corrector"] = pick([[], [], [0], [1, 2]])
    config["final_sigmas_type"] = pick(["zero", "sigma_min"]) if config["predict_x0"] else "sigma_min"
    if not config["predict_x0"]:
        config.pop("thresholding", None)
    return config, int(rng.integers(5, 13))


def unipc_flow():
    config = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": float(pick([1.0, 3.0]))}
    return {**config, "solver_order": int(rng.integers(1, 4)), "final_sigmas_type": "zero"}, int(rng.integers(5, 12))


def lcm():
    config = {**pick(BETAS), "prediction_type": pick(PREDICTIONS), **clipping(), "set_alpha_to_one": bool(rng.integers(2))}
    return config, int(rng.integers(1, 9))


def flow_euler():
    config = pick([{}, {"use_karras_sigmas": True}, {"use_exponential_sigmas": True}, {"stochastic_sampling": True}])
    return {"shift": float(pick([1.0, 3.0])), **config}, int(rng.integers(3, 10))


def flow_heun():
    return {"shift": float(pick([1.0, 3.0]))}, int(rng.integers(3, 10))


def edm():
    config = {"sigma_schedule": pick(["karras", "exponential"]), "prediction_type": pick(["epsilon", "v_prediction"])}
    return {**config, "sigma_min": 0.002, "sigma_max": 80.0, "sigma_data": 0.5}, int(rng.integers(5, 13))


def edm_dpm():
    config, steps = edm()
    config["solver_order"] = int(rng.integers(1, 4))
    config["solver_type"] = pick(["midpoint", "heun"])
    config["algorithm_type"] = pick(["dpmsolver++", "sde-dpmsolver++"])
    if config["algorithm_type"].startswith("sde"):
        config["solver_order"] = min(2, config["solver_order"])
    return {**config, "lower_order_final": bool(rng.integers(2)), "final_sigmas_type": pick(["zero", "sigma_min"])}, steps


def with_zero_snr(draw):
    def drawn():
        config, steps = draw()
        return {**config, **ZERO_SNR}, steps

    return drawn


PLAN = [
    (DDPMScheduler, ddpm, 5),
    (DDIMScheduler, ddim, 5),
    (PNDMScheduler, pndm, 4),
    (LMSDiscreteScheduler, lms, 4),
    (EulerDiscreteScheduler, euler, 5),
    (EulerAncestralDiscreteScheduler, euler_ancestral, 4),
    (HeunDiscreteScheduler, heun, 4),
    (KDPM2DiscreteScheduler, kdpm2, 4),
    (KDPM2AncestralDiscreteScheduler, kdpm2, 4),
    (DPMSolverSDEScheduler, dpm_sde, 4),
    (DPMSolverMultistepScheduler, dpm_multistep, 10),
    (DPMSolverMultistepScheduler, dpm_multistep_flow, 2),
    (DPMSolverSinglestepScheduler, dpm_singlestep, 6),
    (UniPCMultistepScheduler, unipc, 7),
    (UniPCMultistepScheduler, unipc_flow, 2),
    (LCMScheduler, lcm, 4),
    (FlowMatchEulerDiscreteScheduler, flow_euler, 5),
    (FlowMatchHeunDiscreteScheduler, flow_heun, 2),
    (EDMEulerScheduler, edm, 3),
    (EDMDPMSolverMultistepScheduler, edm_dpm, 4),
    (EulerDiscreteScheduler, with_zero_snr(euler), 2),
    (EulerAncestralDiscreteScheduler, with_zero_snr(euler_ancestral), 1),
    (DPMSolverMultistepScheduler, with_zero_snr(dpm_multistep), 3),
    (UniPCMultistepScheduler, with_zero_snr(unipc), 2),
    (LCMScheduler, with_zero_snr(lcm), 1),
]


def net(x, t):
    return 0.5 * x * t / (t + 100) + 0.2 * torch.sin(2 * x + t / 50)


def whole(scheduler, call, calls):
    """Whether the step that the scheduler has just made is whole: not a stage of one."""
    if isinstance(scheduler, PNDMScheduler):
        prk = len(scheduler.prk_timesteps)
        if prk > 0:
            return call >= prk or call % 4 == 3
        return call != 0
    return call == calls - 1 or getattr(scheduler, "state_in_first_order", True)


def rounded(x):
    return [float(f"{value:.7g}") for value in x.flatten().tolist()]


def run(cls, config, steps, seed, full):
    scheduler = cls(**config)
    scheduler.set_timesteps(steps)
    generator = torch.manual_seed(seed)  # the global one, which stochastic_sampling of the flow scheduler takes
    spread = float(getattr(scheduler, "init_noise_sigma", 1))
    x = (torch.from_numpy(start).reshape(1, 1, 2, 4) * spread).to(torch.float32)
    times, states = [], []
    extra = {"generator": generator} if "generator" in inspect.signature(scheduler.step).parameters else {}
    for call, t in enumerate(scheduler.timesteps):
        fed = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
        x = scheduler.step(net(fed, t.to(torch.float32)), t, x, **extra).prev_sample
        times.append(float(f"{float(t):.9g}"))
        if whole(scheduler, call, len(scheduler.timesteps)):
            states.append(rounded(x))
    if not np.isfinite(states).all():
        raise ValueError("not finite")
    stored = json.loads(scheduler.to_json_string()) if full else {"_class_name": cls.__name__, **config}
    if stored.get("lambda_min_clipped") in (float("-inf"), "-Infinity"):
        del stored["lambda_min_clipped"]  # not JSON
    return {"config": stored, "steps": steps, "seed": seed, "spread": spread, "times": times, "states": states}


cases, refused = [], []
for cls, draw, count in PLAN:
    made = 0
    while made < count:
        config, steps = draw()
        seed = int(rng.integers(2**31))
        try:
            cases.append(run(cls, config, steps, seed, made % 2 == 1))
            made += 1
        except Exception as error:  # noqa: BLE001
            refused.append(f"{cls.__name__} {config}: {type(error).__name__} {str(error)[:120]}")
            if len(refused) > 60:
                raise SystemExit("\n".join(refused)) from error
golden = {
    "madeBy": "test/parity/make_scheduler_trajectories.py",
    "versions": {"diffusers": diffusers.__version__, "torch": torch.__version__, "numpy": np.__version__},
    "start": [float(value) for value in start],
    "cases": cases,
}
with open(sys.argv[1], "w") as file:
    file.write(json.dumps(golden, separators=(",", ":")).replace('{"config"', '\n{"config"') + "\n")
print(len(cases), "cases;", len(refused), "configurations refused by diffusers:")
print("\n".join(refused))
