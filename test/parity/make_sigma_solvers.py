"""Writes sigma-solvers.golden.json: what our noise schedules and solvers in sigma space are held against.

    python test/parity/make_sigma_solvers.py test/parity/sigma-solvers.golden.json

Needs diffusers, torch, SciPy and numpy; the file names the versions.

- quantiles: scipy.stats.beta.ppf.
- levels: timesteps and sigmas of diffusers' schedulers, beside the options that give them here.
- diffusers: trajectories of the schedulers with the toy network toy(x, t) = 0.8 x t / (t + 100) + 0.3 sin(3 x + t / 50).
  States are written as x of a variance-preserving path: y / sqrt(sigma² + 1).
- moments: mean and standard deviation of the chain of each solver on data N(0.3, 0.5²), from x ~ N(0, alpha² + sigma²) at
  the first level, by following the affine maps in float64. Written from the formulas, independently of the others.

Noise comes from the lists that are stored; for DPM++ SDE two numbers a step, of the parts of the step before and after
its middle, which the sampler gets joined to one Brownian motion.
"""

import importlib.util
import itertools
import json
import math
import sys
import types

import numpy as np
import scipy
import scipy.stats
import torch

# DPMSolverSDEScheduler imports it, for the Brownian tree that is replaced here.
sys.modules["torchsde"] = types.ModuleType("torchsde")
sys.modules["torchsde"].__spec__ = importlib.util.spec_from_loader("torchsde", None)

import diffusers  # noqa: E402
from diffusers.schedulers import (  # noqa: E402
    scheduling_dpmsolver_multistep,
    scheduling_dpmsolver_sde,
    scheduling_euler_ancestral_discrete,
    scheduling_euler_discrete,
    scheduling_flow_match_euler_discrete,
    scheduling_flow_match_heun_discrete,
    scheduling_heun_discrete,
    scheduling_k_dpm_2_ancestral_discrete,
    scheduling_k_dpm_2_discrete,
    scheduling_lcm,
    scheduling_lms_discrete,
    scheduling_unipc_multistep,
)

T = 1000
SIZE = 4
generator = np.random.default_rng(20250419)
start = generator.standard_normal(SIZE).astype(np.float32)
noises = generator.standard_normal((40, SIZE)).astype(np.float32)
# The schedulers put their sigmas and states into float32 by these names; here they are to compute in float64.
np.float32, torch.float32 = np.float64, torch.float64
TABLE = torch.cumprod(1 - torch.linspace(1e-4, 0.02, T, dtype=torch.float64), dim=0)


def numbers(values):
    return [float(f"{value:.9g}") for value in np.asarray(values, dtype=np.float64).flatten()]


def made(module, name, **config):
    scheduler = getattr(module, name)(**config)
    if hasattr(scheduler, "alphas_cumprod") and config.get("beta_schedule", "linear") == "linear":
        scheduler.alphas_cumprod = TABLE.clone()
    return scheduler


# Levels -----------------------------------------------------------------------------------------------------------------

EULER = (scheduling_euler_discrete, "EulerDiscreteScheduler")
DPM = (scheduling_dpmsolver_multistep, "DPMSolverMultistepScheduler")
UNIPC = (scheduling_unipc_multistep, "UniPCMultistepScheduler")
FLOW = (scheduling_flow_match_euler_discrete, "FlowMatchEulerDiscreteScheduler")


def levels(scheduler, config, steps, path, options):
    made_one = made(*scheduler, **config)
    made_one.set_timesteps(steps)
    return {
        "scheduler": scheduler[1],
        "config": config,
        "path": path,
        "options": {"steps": steps} | options,
        "times": numbers(made_one.timesteps),
        "sigmas": numbers(made_one.sigmas),
    }


def all_levels():
    linear, k = {"interpolation": "linear"}, {"range": "spacing", "interpolation": "linear"}
    d = {"dropLast": True}
    rows = []
    for spacing, steps in itertools.product(("leading", "linspace", "trailing"), (10, 7)):
        offset = {"steps_offset": 1} if spacing == "leading" else {}
        ours = {"spacing": spacing} | ({"stepsOffset": 1} if offset else {})
        config = {"timestep_spacing": spacing} | offset
        rows.append(levels(EULER, config, steps, "linear", ours | linear))
        rows.append(levels(DPM, config, steps, "linear", ours | d | {"roundTimes": "nearest"}))
        karras = {"use_karras_sigmas": True}
        rows.append(levels(EULER, config | karras, steps, "linear", ours | k | {"schedule": "karras"}))
    for flag, schedule in (("exponential_sigmas", "exponential"), ("beta_sigmas", "beta")):
        use = {f"use_{flag}": True}
        rows.append(levels(EULER, use, 8, "linear", {"spacing": "linspace", "schedule": schedule} | k))
        rows.append(levels(DPM, use, 8, "linear", {"schedule": schedule, "roundTimes": "down"}))
    near = {"roundTimes": "nearest"}
    rows.append(levels(DPM, {"use_karras_sigmas": True}, 8, "linear", {"schedule": "karras"} | near))
    rows.append(levels(DPM, {"use_lu_lambdas": True}, 8, "linear", {"schedule": "lambda"} | near))
    last = {"final_sigmas_type": "sigma_min"}
    rows.append(levels(EULER, last, 8, "linear", {"spacing": "linspace", "finalSigma": "sigmaMin"} | linear))
    use = {"use_karras_sigmas": True, "final_sigmas_type": "sigma_min"}
    rows.append(levels(UNIPC, use, 8, "linear", {"schedule": "karras", "finalSigma": "sigmaMin"} | near))
    cosine = {"beta_schedule": "squaredcos_cap_v2", "lambda_min_clipped": -5.1}
    clipped = {"spacing": "linspace", "lambdaMin": -5.1} | d | near
    rows.append(levels(DPM, cosine, 10, "cosine", clipped))
    # Flow: sigma is the path's own. set_timesteps shifts the shifted ends of the training grid again.
    for shift in (1.0, 3.0):
        low = shift / T / (1 + (shift - 1) / T)
        grid = {"spacing": "linspace", "timeMin": low, "shift": shift}
        rows.append(levels(FLOW, {"shift": shift}, 6, "straightLine", grid))
        for flag, schedule in (("karras", "karras"), ("exponential", "exponential"), ("beta", "beta")):
            ours = grid | {"schedule": schedule, "measure": "sigma", "range": "spacing"}
            rows.append(levels(FLOW, {"shift": shift, f"use_{flag}_sigmas": True}, 6, "straightLine", ours))
    flow = {"use_flow_sigmas": True, "flow_shift": 3.0, "prediction_type": "flow_prediction"}
    rows.append(levels(DPM, flow, 6, "straightLine", {"timeMax": 1 - 1 / T, "shift": 3.0, "roundTimes": "down"}))
    rows.append(levels(UNIPC, flow, 6, "straightLine", {"timeMin": 1 / T, "shift": 3.0, "sigmaMax": 1e6 - 1, "roundTimes": "down"}))
    return rows


# diffusers --------------------------------------------------------------------------------------------------------------

PREDICTIONS = {"noise": "epsilon", "v": "v_prediction", "sample": "sample"}


def toy(x, t):
    return 0.8 * x * t / (t + 100) + 0.3 * torch.sin(3 * x + t / 50)


def walk(solver, module, name, config, steps, options, prediction="noise", evaluations=1):
    """One run of a scheduler in sigma space; `evaluations`: how many calls of step() are a step (the last one has one)."""
    scheduler = made(module, name, prediction_type=PREDICTIONS[prediction], **config)
    scheduler.set_timesteps(steps)
    queue = iter(noises)
    module.randn_tensor = lambda *_, **__: torch.from_numpy(next(queue)).double()
    if name == "DPMSolverSDEScheduler":
        scheduler.noise_sampler = brownian(queue)
    ends = [scheduler.sigmas[0]] + list(scheduler.sigmas[1::2] if evaluations == 2 else scheduler.sigmas[1:])
    y = torch.from_numpy(start).double() * (ends[0] ** 2 + 1) ** 0.5
    trajectory = []
    for i, t in enumerate(scheduler.timesteps):
        x = scheduler.scale_model_input(y, t)
        y = scheduler.step(toy(x, float(t)), t, y).prev_sample.double()
        if evaluations == 1 or i % 2 == 1 or i + 1 == len(scheduler.timesteps):
            sigma = float(ends[len(trajectory) + 1])
            trajectory.append(numbers(y / (sigma**2 + 1) ** 0.5))
    options = {"steps": steps} | options
    case = {"solver": solver, "path": "linear", "prediction": prediction, "options": options}
    return case | {"trajectory": trajectory}


def brownian(queue):
    """The noise sampler of one Brownian motion, asked for [s, m], then for [s, s']."""
    state = {}

    def sampler(sigma, following):
        sigma, following = float(sigma), float(following)
        fresh = torch.from_numpy(next(queue)).double()
        if not state:
            state.update(start=sigma, middle=following, first=fresh)
            return fresh
        s, m, first = state["start"], state["middle"], state["first"]
        assert s == sigma
        state.clear()
        return (math.sqrt(s - m) * first + math.sqrt(m - following) * fresh) / math.sqrt(s - following)

    return sampler


def plain(solver, module, name, config, steps, options, prediction, scaled=1.0):
    """One run of a scheduler whose state is x itself."""
    scheduler = made(module, name, **config)
    scheduler.set_timesteps(steps)
    queue = iter(noises)
    module.randn_tensor = lambda *_, **__: torch.from_numpy(next(queue)).double()
    x = torch.from_numpy(start).double() * scaled
    trajectory = []
    for i, t in enumerate(scheduler.timesteps):
        x = scheduler.step(toy(x, float(t)), t, x).prev_sample.double()
        if "Heun" not in name or i % 2 == 0 and i + 1 == len(scheduler.timesteps) or i % 2 == 1:
            trajectory.append(numbers(x))
    options = {"steps": steps} | options
    case = {"solver": solver, "path": "straightLine" if prediction == "flow" else "linear"}
    return case | {"prediction": prediction, "options": options, "trajectory": trajectory}


def all_diffusers():
    linear = {"interpolation": "linear"}
    spaced = [
        ({"timestep_spacing": "linspace"}, {"spacing": "linspace"} | linear),
        ({"timestep_spacing": "trailing"}, {"spacing": "trailing"} | linear),
        ({"timestep_spacing": "leading", "steps_offset": 1}, {"spacing": "leading", "stepsOffset": 1} | linear),
    ]
    karras = ({"use_karras_sigmas": True, "timestep_spacing": "linspace"}, {"schedule": "karras", "roundTimes": False})
    rounded = (karras[0], {"schedule": "karras", "roundTimes": "nearest"})
    heun = (scheduling_heun_discrete, "HeunDiscreteScheduler")
    two = (scheduling_k_dpm_2_discrete, "KDPM2DiscreteScheduler")
    two_a = (scheduling_k_dpm_2_ancestral_discrete, "KDPM2AncestralDiscreteScheduler")
    euler_a = (scheduling_euler_ancestral_discrete, "EulerAncestralDiscreteScheduler")
    lms = (scheduling_lms_discrete, "LMSDiscreteScheduler")
    sde = (scheduling_dpmsolver_sde, "DPMSolverSDEScheduler")
    rows = []
    for (config, options), prediction in itertools.product([*spaced, karras], ("noise", "v")):
        rows.append(walk("euler", *EULER, config, 8, options, prediction))
        rows.append(walk("heun", *heun, config, 7, options, prediction, 2))
        rows.append(walk("lms", *lms, config, 9, options, prediction))
        rows.append(walk("dpmppSde", *sde, config, 6, options, prediction, 2))
    for (config, options), prediction in itertools.product([*spaced, rounded], ("noise", "v")):
        rows.append(walk("dpm2", *two, config, 6, options, prediction, 2))
        rows.append(walk("dpm2Ancestral", *two_a, config, 6, options, prediction, 2))
    for (config, options), prediction in itertools.product(spaced, ("noise", "v")):
        rows.append(walk("eulerAncestral", *euler_a, config, 8, options, prediction))
    rows.append(walk("heun", *heun, spaced[1][0] | {"clip_sample": True}, 7, spaced[1][1] | {"clip": 1}, "sample", 2))
    for steps, prediction in itertools.product((1, 4, 9), ("epsilon", "v_prediction")):
        config = {"prediction_type": prediction, "beta_schedule": "linear", "beta_start": 1e-4, "beta_end": 0.02}
        names = {value: key for key, value in PREDICTIONS.items()}
        limit = [{}, {"clip_sample": True}, {"thresholding": True, "dynamic_thresholding_ratio": 0.7, "sample_max_value": 2.0}]
        ours = [{}, {"clip": 1}, {"threshold": {"ratio": 0.7, "max": 2}}]
        for theirs, own in zip(limit, ours):
            if "thresholding" in theirs:
                continue  # needs a shape of images; held in thresholding.test.ts
            rows.append(plain("lcm", scheduling_lcm, "LCMScheduler", config | theirs, steps, own, names[prediction]))
    for shift in (1.0, 3.0):
        low = shift / T / (1 + (shift - 1) / T)
        grid = {"spacing": "linspace", "timeMin": low, "shift": shift}
        heun = (scheduling_flow_match_heun_discrete, "FlowMatchHeunDiscreteScheduler")
        rows.append(plain("flowEuler", *FLOW, {"shift": shift}, 7, grid, "flow"))
        stochastic = {"shift": shift, "stochastic_sampling": True}
        rows.append(plain("flowEuler", *FLOW, stochastic, 7, grid | {"stochastic": True}, "flow"))
        rows.append(plain("flowHeun", *heun, {"shift": shift}, 7, grid, "flow"))
    return rows


# Moments ----------------------------------------------------------------------------------------------------------------

MEAN, STD = 0.3, 0.5


def perfect(y, s):
    return (STD**2 * y + s * s * MEAN) / (STD**2 + s * s)


def split(s, to, eta):
    up = eta * to * math.sqrt(1 - (to / s) ** 2)
    return math.sqrt(to**2 - up**2), up


def slope(y, s):
    return (y - perfect(y, s)) / s


def moments(step, sigmas, first_variance, draws):
    """`step(y, i, z)`: one step in sigma space from sigmas[i]; affine in y and the `draws` numbers z."""
    mean, variance = 0.0, first_variance
    for i in range(len(sigmas) - 1):
        nothing = [0.0] * draws
        constant = step(0.0, i, nothing)
        gain = step(1.0, i, nothing) - constant
        mean, variance = gain * mean + constant, gain * gain * variance
        for k in range(draws):
            variance += (step(0.0, i, [float(j == k) for j in range(draws)]) - constant) ** 2
    return {"mean": mean, "std": math.sqrt(variance)}


def all_moments():
    ratio = np.sqrt((1 - TABLE.numpy()) / TABLE.numpy())

    def trailing(n):
        times = np.round(np.arange(T, 0, -T / n)).astype(int)[:n] - 1
        return [*ratio[times], 0.0]

    def karras(n, low, high, rho=7):
        return [*((high ** (1 / rho) + np.arange(n) / (n - 1) * (low ** (1 / rho) - high ** (1 / rho))) ** rho), 0.0]

    def ancestral_euler(y, s, to, z):
        down, up = split(s, to, 1)
        return y + slope(y, s) * (down - s) + up * z[0]

    def midpoint(y, s, to):
        if to == 0:
            return perfect(y, s)
        m = math.sqrt(s * to)
        return y + slope(y + slope(y, s) * (m - s), m) * (to - s)

    def heun(y, s, to):
        ahead = y + slope(y, s) * (to - s)
        return ahead if to == 0 else y + (slope(y, s) + slope(ahead, to)) / 2 * (to - s)

    def two_s(y, s, to):
        if to == 0:
            return perfect(y, s)
        m = math.sqrt(s * to)
        half = m / s * y + (1 - m / s) * perfect(y, s)
        return to / s * y + (1 - to / s) * perfect(half, m)

    def sde(y, s, to, z):
        if to == 0:
            return perfect(y, s)
        m = math.sqrt(s * to)
        down, up = split(s, m, 1)
        half = down / s * y + (1 - down / s) * perfect(y, s) + up * z[0]
        down, up = split(s, to, 1)
        both = (math.sqrt(s - m) * z[0] + math.sqrt(m - to) * z[1]) / math.sqrt(s - to)
        return down / s * y + (1 - down / s) * perfect(half, m) + up * both

    def lower(one, s, to, z):
        down, up = split(s, to, 1)
        return one(s, down) + up * z[0]

    def churned(one, y, s, to, n, churn, z, highest):
        gamma = min(churn / n, math.sqrt(2) - 1)
        if s * (1 + gamma) > highest:
            return one(y, s, to)
        hat = s * (1 + gamma)
        return one(y + math.sqrt(hat**2 - s**2) * z[0], hat, to)

    def euler(y, s, to):
        return y + slope(y, s) * (to - s)

    def lms_moments(S, first_variance, order=4):
        # The state and its slopes are linear in (1, y0).
        state, history = np.array([0.0, 1.0]), []
        for i in range(len(S) - 1):
            s = S[i]
            gain, constant = s * s / (STD**2 + s * s) / s, -s * s * MEAN / (STD**2 + s * s) / s
            history = [gain * state + constant * np.array([1.0, 0.0]), *history][:order]
            places = [S[i - j] for j in range(len(history))]
            for j, d in enumerate(history):
                p = np.poly1d([1.0])
                for k, other in enumerate(places):
                    if k != j:
                        p = p * np.poly1d([1.0, -other]) / (places[j] - other)
                P = p.integ()
                state = state + (P(S[i + 1]) - P(s)) * d
        return {"mean": state[0], "std": abs(state[1]) * math.sqrt(first_variance)}

    def flow(n, second):
        """The straight line, from x ~ N(0, 1) at t = 1."""
        def u(x, t):
            variance = ((1 - t) * STD) ** 2 + t * t
            x0 = MEAN + (1 - t) * STD**2 * (x - (1 - t) * MEAN) / variance
            return t * (x - (1 - t) * MEAN) / variance - x0

        def step(x, i, _):
            t, to = 1 - i / n, 1 - (i + 1) / n
            ahead = x + (to - t) * u(x, t)
            return ahead if not second or i == n - 1 else x + (to - t) * (u(x, t) + u(ahead, to)) / 2

        return moments(step, [0] * (n + 1), 1.0, 0)

    def renoised(n):
        def step(x, i, z):
            t, to = 1 - i / n, 1 - (i + 1) / n
            variance = ((1 - t) * STD) ** 2 + t * t
            return (1 - to) * (MEAN + (1 - t) * STD**2 * (x - (1 - t) * MEAN) / variance) + to * z[0]

        return moments(step, [0] * (n + 1), 1.0, 1)

    n = 100
    S, K = trailing(n), karras(n, 0.002, 80.0)
    vp, ve = 1 + S[0] ** 2, 1 + K[0] ** 2
    rows = {
        "euler": moments(lambda y, i, z: euler(y, S[i], S[i + 1]), S, vp, 0),
        "euler churned": moments(lambda y, i, z: churned(euler, y, K[i], K[i + 1], n, 30, z, 80.0), K, ve, 1),
        "eulerAncestral": moments(lambda y, i, z: ancestral_euler(y, S[i], S[i + 1], z), S, vp, 1),
        "heun": moments(lambda y, i, z: heun(y, K[i], K[i + 1]), K, ve, 0),
        "heun churned": moments(lambda y, i, z: churned(heun, y, K[i], K[i + 1], n, 30, z, 80.0), K, ve, 1),
        "dpm2": moments(lambda y, i, z: midpoint(y, S[i], S[i + 1]), S, vp, 0),
        "dpm2Ancestral": moments(
            lambda y, i, z: lower(lambda s, to: midpoint(y, s, to), S[i], S[i + 1], z), S, vp, 1
        ),
        "dpmpp2sAncestral": moments(
            lambda y, i, z: lower(lambda s, to: two_s(y, s, to), K[i], K[i + 1], z), K, ve, 1
        ),
        "dpmppSde": moments(lambda y, i, z: sde(y, K[i], K[i + 1], z), K, ve, 2),
        "lms": lms_moments(S, vp),
        "flowEuler": flow(n, False),
        "flowHeun": flow(n, True),
        "flowEuler stochastic": renoised(n),
    }
    for steps in (4, 50):
        path = 50
        picked = [(path - j * path // steps) * (T // path) - 1 for j in range(steps)]
        a, b = np.sqrt(TABLE.numpy()), np.sqrt(1 - TABLE.numpy())
        def step(x, i, z, picked=picked, a=a, b=b):
            t = picked[i]
            variance = (a[t] * STD) ** 2 + b[t] ** 2
            x0 = MEAN + a[t] * STD**2 * (x - a[t] * MEAN) / variance
            k = 10.0 * t
            f = k / math.sqrt(k * k + 0.25) * x0 + 0.25 / (k * k + 0.25) * x
            return f if i + 1 == len(picked) else a[picked[i + 1]] * f + b[picked[i + 1]] * z[0]
        rows[f"lcm {steps}"] = moments(step, [0] * (steps + 1), 1.0, 1)
    return {name: {key: float(f"{value:.9g}") for key, value in row.items()} for name, row in rows.items()}


shapes = ((0.6, 0.6), (0.5, 2.0), (3.0, 0.7), (5.0, 4.0), (0.1, 0.2))
probabilities = (1e-8, 1e-4, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.9999)
quantiles = [[p, a, b, float(scipy.stats.beta.ppf(p, a, b))] for (a, b), p in itertools.product(shapes, probabilities)]
golden = {
    "madeBy": "test/parity/make_sigma_solvers.py",
    "versions": {
        "diffusers": diffusers.__version__,
        "torch": torch.__version__,
        "scipy": scipy.__version__,
        "numpy": np.__version__,
    },
    "start": [float(value) for value in start],
    "noises": [[float(value) for value in noise] for noise in noises],
    "quantiles": quantiles,
    "levels": all_levels(),
    "diffusers": all_diffusers(),
    "moments": all_moments(),
}
with open(sys.argv[1], "w") as file:
    json.dump(golden, file, separators=(",", ":"))
    file.write("\n")
print(golden["versions"], {name: len(value) for name, value in golden.items()})
for name, row in golden["moments"].items():
    print(f"{name:22} mean {row['mean']:.6f} std {row['std']:.6f} off {max(abs(row['mean'] - MEAN), abs(row['std'] - STD)):.6f}")
