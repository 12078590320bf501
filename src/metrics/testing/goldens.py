"""Golden numbers of src/metrics/*.test.ts. Needs numpy alone; made with Python 3.11, numpy 2.4.6:

    python src/metrics/testing/goldens.py

The formulas are written the long way round: eigenvalues of the product S Sr instead of S^1/2 Sr S^1/2, whole
distance matrices and sorts instead of running minima.
"""
import numpy as np


def random_features(seed, count, dimension, shift=0.0):
    out = np.empty(count * dimension)
    state = seed
    for i in range(count * dimension):
        state = (state * 16807) % 2147483647
        out[i] = ((state / 2147483647 - 0.5) * 3) / (1 + ((i % dimension) % 4)) + shift
    return out.reshape(count, dimension)


def frechet(a, b):
    s, r = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.sqrt(np.linalg.eigvals(s @ r).astype(complex)).real.sum()
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s) + np.trace(r) - 2 * root


def frechet_low_rank(a, b):
    """The same trace as the nuclear norm of A_c B_c^T, which needs no covariance: for fewer samples than features."""
    ac, bc = (a - a.mean(0)) / np.sqrt(len(a) - 1), (b - b.mean(0)) / np.sqrt(len(b) - 1)
    root = np.linalg.svd(ac @ bc.T, compute_uv=False).sum()
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + (ac**2).sum() + (bc**2).sum() - 2 * root


def mmd(x, y):
    k = lambda a, b: (a @ b.T / a.shape[1] + 1) ** 3
    n, m = len(x), len(y)
    kx, ky = k(x, x), k(y, y)
    return (
        (kx.sum() - np.trace(kx)) / (n * (n - 1)) + (ky.sum() - np.trace(ky)) / (m * (m - 1)) - 2 * k(x, y).mean()
    )


def distances(a, b):
    return np.sqrt(((a[:, None, :] - b[None, :, :]) ** 2).sum(-1))


def radii(x, k):
    return np.sort(distances(x, x), axis=1)[:, k]  # column 0 is the point itself


def neighbours(real, fake):
    d = distances(real, fake)
    real3, fake3, real5 = radii(real, 3), radii(fake, 3), radii(real, 5)
    return {
        "precision": (d <= real3[:, None]).any(0).mean(),
        "recall": (d <= fake3[None, :]).any(1).mean(),
        "density": (d <= real5[:, None]).sum(0).mean() / 5,
        "coverage": (d.min(1) <= real5).mean(),
    }


def score(p, splits):
    parts = [p[i * len(p) // splits : (i + 1) * len(p) // splits] for i in range(splits)]
    scores = [np.exp((q * np.log(q / q.mean(0))).sum(1).mean()) for q in parts]
    return np.mean(scores), np.std(scores)


a, b = random_features(1, 60, 8), random_features(2, 50, 8, 0.2)
wide_a, wide_b = random_features(3, 10, 64), random_features(4, 12, 64, 0.1)
print("eigenvalues of cov(a)", np.linalg.eigvalsh(np.cov(a, rowvar=False)).tolist())
print("mean of b", b.mean(0).tolist())
print("frechet", repr(frechet(a, b)), repr(frechet_low_rank(a, b)))
print("frechet, singular", repr(frechet_low_rank(wide_a, wide_b)))
print("mmd", repr(mmd(a[:50], b)))
print("neighbours", neighbours(a, b))
logits = random_features(5, 40, 5) * 2
p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
print("classifier score", score(p, 1), score(p, 3))
print("confident", (p.max(1) > 0.5).mean(), "histogram", np.bincount(p.argmax(1), minlength=5).tolist())
