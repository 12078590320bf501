"""Writes scheduler-config.golden.json: what diffusers makes of scheduler files, its defaults and ours.

    pip install --no-deps scipy torchsde trampoline
    python test/parity/make_scheduler_config.py test/parity/scheduler-config.golden.json

"defaults": the fields of every class that the project reads, with the defaults of its constructor (-inf as a string).
"written": for each case of scheduler-config.cases.json, whose `file` is what schedulerConfigOf writes: the class is made by
from_config and, after save_config, by from_pretrained; both must hold every field of the file. Stored are the timesteps and
the sigmas of so many steps (the sigma / alpha, or sigma itself of flow) and five entries of the table of alphas_cumprod.
"""

import inspect
import json
import pathlib
import sys
import tempfile
import warnings

import diffusers
import numpy as np
import torch

warnings.filterwarnings("ignore")
diffusers.utils.logging.set_verbosity_error()
here = pathlib.Path(__file__).parent
NAMES = """DDPM DDIM DDIMInverse PNDM LMSDiscrete EulerDiscrete EulerAncestralDiscrete HeunDiscrete KDPM2Discrete
KDPM2AncestralDiscrete DPMSolverMultistep DPMSolverSinglestep DPMSolverSDE UniPCMultistep LCM FlowMatchEulerDiscrete
FlowMatchHeunDiscrete EDMEuler EDMDPMSolverMultistep""".split()


def plain(value):
    return "-Infinity" if value == float("-inf") else value


def defaults(cls):
    parameters = inspect.signature(cls.__init__).parameters.values()
    return {p.name: plain(p.default) for p in parameters if p.name != "self" and p.kind is not p.VAR_KEYWORD}


def held(file, scheduler):
    for name, value in file.items():
        if not name.startswith("_"):
            found = scheduler.config[name]
            found = list(found) if isinstance(found, (tuple, np.ndarray)) else found
            assert found == value, (file["_class_name"], name, found, value)


def rounded(values):
    return [float(f"{float(value):.7g}") for value in values]


def made(case):
    file = case["file"]
    cls = getattr(diffusers, file["_class_name"])
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "scheduler_config.json").write_text(json.dumps(file))
        held(file, cls.from_pretrained(folder))
    with tempfile.TemporaryDirectory() as folder:
        scheduler = cls.from_config(file)
        held(file, scheduler)
        scheduler.save_config(folder)
        scheduler = cls.from_pretrained(folder)
        held(file, scheduler)
    scheduler.set_timesteps(case["steps"])
    entry = {"timesteps": rounded(scheduler.timesteps)}
    if hasattr(scheduler, "sigmas"):
        entry["sigmas"] = rounded(scheduler.sigmas)
    if hasattr(scheduler, "alphas_cumprod"):
        entry["alphaBars"] = rounded(scheduler.alphas_cumprod[[0, 1, 250, 500, 750]])
    return entry


golden = {
    "madeBy": "test/parity/make_scheduler_config.py",
    "versions": {"diffusers": diffusers.__version__, "torch": torch.__version__, "numpy": np.__version__},
    "defaults": {f"{name}Scheduler": defaults(getattr(diffusers, f"{name}Scheduler")) for name in NAMES},
    "written": [made(case) for case in json.loads((here / "scheduler-config.cases.json").read_text())],
}
text = json.dumps(golden, separators=(",", ":"))
with open(sys.argv[1], "w") as file:
    file.write(text.replace('{"timesteps"', '\n{"timesteps"') + "\n")
print(len(golden["written"]), "files loaded;", golden["versions"])
