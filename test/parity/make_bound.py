"""
Golden numbers of one term of the variational bound, in bits per dimension, from the formulas of Ho et al. 2020 (eq. 7, 8,
13) and Nichol and Dhariwal 2021 (eq. 15), written out in NumPy float64 step by step: x_t, the predicted x0, the two means,
the two variances, the KL divergence or the bin of the discretised Gaussian.

    python test/parity/make_bound.py        # writes bound.golden.json; NumPy only
"""

import json
import math
from pathlib import Path

import numpy as np

T = 1000
erf = np.vectorize(math.erf)


def linear():
    return np.linspace(1e-4, 0.02, T)


def cosine():
    f = lambda u: math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2
    return np.array([min(1 - f((i + 1) / T) / f(i / T), 0.999) for i in range(T)])


def term(betas, t, x0, eps, output, prediction, variance, v):
    """Bits per dimension; `output`: of the network that predicts `prediction`."""
    bars = np.cumprod(1 - betas)
    bar, before = bars[t], (bars[t - 1] if t > 0 else 1.0)
    a, b = math.sqrt(bar), math.sqrt(1 - bar)
    x = a * x0 + b * eps
    predicted = {"noise": (x - b * output) / a, "v": a * x - b * output, "sample": output}[prediction]
    small = betas * (1 - np.concatenate([[1.0], bars[:-1]])) / (1 - bars)
    small[0] = small[1]
    c1 = betas[t] * math.sqrt(before) / (1 - bar)
    c2 = (1 - before) * math.sqrt(1 - betas[t]) / (1 - bar)
    true_mean, model_mean = c1 * x0 + c2 * x, c1 * predicted + c2 * x
    true_log = math.log(small[t])
    if variance == "learned":
        model_log = (v + 1) / 2 * math.log(betas[t]) + (1 - v) / 2 * math.log(small[t])
    elif variance == "fixedSmall":
        model_log = np.full_like(x0, math.log(small[t]))
    else:
        model_log = np.full_like(x0, math.log(betas[t]))
    if t > 0:
        kl = 0.5 * (-1 + model_log - true_log + np.exp(true_log - model_log))
        nats = kl + 0.5 * (true_mean - model_mean) ** 2 * np.exp(-model_log)
    else:
        cdf = lambda z: 0.5 * (1 + erf(z / math.sqrt(2)))
        scale = np.exp(-0.5 * model_log)
        upper = np.where(x0 > 0.999, 1.0, cdf((x0 - model_mean + 1 / 255) * scale))
        lower = np.where(x0 < -0.999, 0.0, cdf((x0 - model_mean - 1 / 255) * scale))
        nats = -np.log(np.maximum(upper - lower, 1e-12))
    return float(np.mean(nats) / math.log(2))


def main():
    rng = np.random.default_rng(0)
    single = lambda x: np.asarray(x, dtype=np.float32).astype(np.float64)  # what the test feeds, exactly
    cases = []
    for schedule, betas in (("linear", linear()), ("cosine", cosine())):
        for prediction in ("noise", "v", "sample"):
            for variance in ("learned", "fixedSmall", "fixedLarge"):
                for t in (0, 1, 400, 998):
                    x0 = single(rng.integers(0, 256, 12) / 127.5 - 1)
                    x0[:2] = [-1.0, 1.0]  # both tails
                    eps = single(rng.standard_normal(12))
                    bar = np.cumprod(1 - betas)[t]
                    a, b = math.sqrt(bar), math.sqrt(1 - bar)
                    target = {"noise": eps, "v": a * eps - b * x0, "sample": x0}[prediction]
                    # Not so wrong that a bin's probability is below float32: at t = 0 the deviation is 0.007 to 0.01.
                    wrong = 0.005 if (prediction, t) == ("sample", 0) else 0.05
                    output = single(target + wrong * rng.standard_normal(12))
                    v = single(rng.uniform(-1, 1, 12))
                    bits = term(betas, t, x0, eps, output, prediction, variance, v)
                    numbers = {"x0": x0, "noise": eps, "output": output, "v": v}
                    case = {"schedule": schedule, "prediction": prediction, "variance": variance, "t": t, "bits": bits}
                    cases.append(case | {name: [float(x) for x in values] for name, values in numbers.items()})
    golden = {"made by": "make_bound.py", "numpy": np.__version__, "timesteps": T, "cases": cases}
    Path(__file__).with_name("bound.golden.json").write_text(json.dumps(golden) + "\n")


main()
