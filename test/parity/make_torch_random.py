"""Writes torch-random.golden.json: random numbers of PyTorch on the CPU, and Brownian increments of torchsde.

    pip install --no-deps torchsde trampoline scipy
    python test/parity/make_torch_random.py test/parity/torch-random.golden.json

Made with the versions that the file names. Each entry is one generator and the calls made of it, in order; float32 numbers
are base64 (little endian). torch.randn takes its vectorised path from 16 numbers on, whose last bits depend on the
instruction set of the machine ("capability").

"brownian" holds increments of torchsde.BrownianInterval over pairs of times, as DPMSolverSDEScheduler asks for them.
"""

import base64
import json
import sys

import numpy as np
import torch
import torchsde


def packed(values):
    return base64.b64encode(values.numpy().astype("<f4").tobytes()).decode()


def draw(generator, call):
    kind, *rest = call
    if kind == "randint":
        low, high, size = rest
        values = torch.randint(low, high, (size,), generator=generator)
        return {"call": call, "values": values.tolist()}
    function = {"randn": torch.randn, "rand": torch.rand}[kind]
    return {"call": call, "values": packed(function(rest[0], generator=generator))}


def run(seed, calls):
    generator = torch.Generator().manual_seed(seed)
    return {"seed": seed, "draws": [draw(generator, call) for call in calls]}


mixed = [
    ("randn", 3),
    ("randn", 16),
    ("randn", 1),  # the second normal of the last pair, kept over the call before
    ("rand", 5),
    ("randn", 17),
    ("randint", 0, 10, 7),
    ("randint", -5, 2**20, 4),
    ("randint", 0, 2**28 - 1, 4),
    ("randint", 0, 2**28, 4),
    ("randint", 0, 2**31, 4),
    ("randint", 0, 2**32 - 1, 4),
    ("randint", 0, 2**32, 4),
    ("randint", -7, 2**40, 4),
    ("randint", 0, 2**52 + 1, 4),
    ("randn", 15),
    ("rand", 1000),
    ("randn", 1000),
    ("randn", 2),
]


def brownian():
    """Sizes below and above the vectorised path; overlapping and repeated intervals; the ends."""
    result = []
    pairs = [(0.0, 1.0), (0.25, 0.75), (0.25, 0.5), (0.1234567, 0.7654321), (0.1, 0.9999999), (0.5, 0.500001)]
    wide = [(0.03, 157.40665), (7.5, 30.25), (7.5, 12.3), (29.0, 29.5), (100.0, 157.0), (0.1, 0.2)]
    for seed, size, t0, t1, asked in [(0, 4, 0.0, 1.0, pairs), (5, 20, 0.0291, 157.40666, wide), (2**32 + 5, 20, 0.0, 1.0, pairs)]:
        tree = torchsde.BrownianInterval(
            t0=t0, t1=t1, size=(size,), dtype=torch.float32, entropy=seed, tol=1e-6, pool_size=24, halfway_tree=True
        )
        draws = [{"from": a, "to": b, "values": packed(tree(a, b))} for a, b in asked]
        result.append({"seed": seed, "size": size, "start": t0, "end": t1, "draws": draws})
    return result


def seed_sequences():
    """The words of NumPy's SeedSequence."""
    cases = [(0, (), 4), (0, (0, 0), 24), (12345, (1, 2), 24), (2**32 + 5, (2**31, 31), 24), (2**52 + 3, (2**33 + 1, 34), 24)]
    return [
        {"entropy": e, "spawnKey": k, "poolSize": p, "words": np.random.SeedSequence(e, spawn_key=k, pool_size=p).generate_state(5).tolist()}
        for e, k, p in cases
    ]


golden = {
    "madeBy": "test/parity/make_torch_random.py",
    "versions": {"torch": torch.__version__, "torchsde": torchsde.__version__, "numpy": np.__version__},
    "capability": torch.backends.cpu.get_cpu_capability(),
    "runs": [run(0, [("randn", size)]) for size in range(1, 41)]
    + [run(1, [("randn", size) for size in (*range(1, 41), 1000)])]
    + [run(seed, mixed) for seed in (0, 1, 2**32 + 5)]
    + [run(2**32 + 5, [("rand", 1300)])],
    "seedSequences": seed_sequences(),
    "brownian": brownian(),
}
with open(sys.argv[1], "w") as file:
    json.dump(golden, file, separators=(",", ":"))
    file.write("\n")
print(golden["versions"], golden["capability"])
