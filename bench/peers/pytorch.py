"""
PyTorch as a peer in langevin's benchmark: a process that times training steps and sampling forwards on request.

    python pytorch.py --threads 2                    one JSON request a line on stdin, one JSON answer a line on stdout
    python pytorch.py --threads 2 --once REQUEST     one request in a fresh process: the way to measure peak memory

A request:

    {"task": "train-step" | "sample-forward", "network": {UNet2DModel's fields, and optionally "patch": 2},
     "batch": 16, "repeats": 5, "warmup": 2, "compile": false, "id": anything}

The answer: {"id", "task", "ms": [one for each repeat], "firstMs", "peakMB", "importMB", "parameters", "threads",
"compile", "versions": {"torch", "diffusers"}}, or {"id", "error"}. `firstMs` is the time to build the network and make
its first step. `peakMB` is the largest resident size that this process has ever had (so in the server it covers all
earlier requests too), `importMB` the resident size just after `import torch`; MB are 10^6 bytes.

train-step, as a person who wants a fast eager step would write it: draw times and noise, noise the images (linear VP),
forward, mean squared error, backward, clip to global norm 1, fused Adam, EMA by one foreach call.
sample-forward: the network in evaluation mode, one call. Inputs are random; float32 throughout.

The server keeps the last prepared network, so that requests for one repeat each can alternate with another peer's. A
request for another one prepares it and makes a first step, which counts for `firstMs` only. With "compile" the network
goes through torch.compile, in that step.
"""

import argparse
import gc
import inspect
import json
import os
import sys
import time


def memory_mb(field: str) -> float:
    """
    VmRSS (now) or VmHWM (the peak) of this process. Not ru_maxrss where it can be helped: Linux hands that on through
    exec, so a child of a large process would report its parent's peak as its own.
    """
    if sys.platform == "linux":
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 / 1e6 for line in status if line.startswith(field + ":"))
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # macOS counts in bytes


import torch  # noqa: E402

IMPORT_MB = memory_mb("VmRSS")

import diffusers  # noqa: E402
from diffusers import UNet2DModel  # noqa: E402

LEARNING_RATE = 2e-4
EMA_DECAY = 0.999


class Patched(torch.nn.Module):
    """A UNet2DModel that sees P x P blocks of the image as channels."""

    def __init__(self, fields: dict):
        super().__init__()
        fields = {name: value for name, value in fields.items() if not name.startswith("_")}
        self.patch = fields.pop("patch", 1)
        unknown = set(fields) - set(inspect.signature(UNet2DModel.__init__).parameters)
        if unknown:
            raise ValueError(f"UNet2DModel has no field {', '.join(sorted(unknown))}")
        self.network = UNet2DModel(**fields)
        config = self.network.config
        size = config.sample_size
        height, width = (size, size) if isinstance(size, int) else size
        self.image_shape = (config.in_channels // self.patch**2, height * self.patch, width * self.patch)

    def forward(self, images: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        if self.patch == 1:
            return self.network(images, times, return_dict=False)[0]
        blocks = torch.nn.functional.pixel_unshuffle(images, self.patch)  # [N, C*P*P, H/P, W/P]
        return torch.nn.functional.pixel_shuffle(self.network(blocks, times, return_dict=False)[0], self.patch)


def prepare_train_step(model: Patched, batch: int, compiled: bool):
    model.train()
    parameters = list(model.parameters())
    ema = [parameter.detach().clone() for parameter in parameters]
    optimiser = torch.optim.Adam(parameters, lr=LEARNING_RATE, fused=True)
    alpha_bars = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), dim=0).float()
    images = torch.rand(batch, *model.image_shape) * 2 - 1
    forward = torch.compile(model) if compiled else model

    def step() -> float:
        times = torch.randint(0, 1000, (batch,))
        noise = torch.randn_like(images)
        alpha_bar = alpha_bars[times].reshape(-1, 1, 1, 1)  # [N, 1, 1, 1]
        noised = alpha_bar.sqrt() * images + (1 - alpha_bar).sqrt() * noise
        loss = torch.nn.functional.mse_loss(forward(noised, times), noise)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        with torch.no_grad():
            torch._foreach_lerp_(ema, parameters, 1 - EMA_DECAY)
        return loss.item()

    return step


def prepare_sample_forward(model: Patched, batch: int, compiled: bool):
    model.eval()
    images = torch.randn(batch, *model.image_shape)
    times = torch.full((batch,), 500)
    forward = torch.compile(model) if compiled else model

    def step() -> float:
        with torch.inference_mode():
            return forward(images, times)[0, 0, 0, 0].item()

    return step


TASKS = {"train-step": prepare_train_step, "sample-forward": prepare_sample_forward}


class Peer:
    def __init__(self) -> None:
        self.prepared_for = None
        self.step = None
        self.parameters = 0
        self.first_ms = 0.0

    def prepare(self, request: dict) -> None:
        """Builds the network and makes the first step, unless the last request asked for the same."""
        wanted = json.dumps([request["task"], request["network"], request["batch"], request.get("compile", False)])
        if wanted == self.prepared_for:
            return
        if request["task"] not in TASKS:
            raise ValueError(f"no task {request['task']!r}: there are {', '.join(TASKS)}")
        self.prepared_for = self.step = None
        gc.collect()
        torch.manual_seed(0)
        start = time.perf_counter()
        model = Patched(request["network"])
        self.parameters = sum(parameter.numel() for parameter in model.parameters())
        self.step = TASKS[request["task"]](model, request["batch"], request.get("compile", False))
        self.step()
        self.first_ms = round((time.perf_counter() - start) * 1e3, 3)
        self.prepared_for = wanted

    def answer(self, request: dict) -> dict:
        self.prepare(request)
        for _ in range(request.get("warmup", 0)):
            self.step()
        times = []
        for _ in range(request.get("repeats", 1)):
            start = time.perf_counter()
            self.step()
            times.append(round((time.perf_counter() - start) * 1e3, 3))
        return {
            "task": request["task"],
            "ms": times,
            "firstMs": self.first_ms,
            "peakMB": round(memory_mb("VmHWM"), 1),
            "importMB": round(IMPORT_MB, 1),
            "parameters": self.parameters,
            "threads": torch.get_num_threads(),
            "compile": request.get("compile", False),
            "versions": {"torch": torch.__version__.split("+")[0], "diffusers": diffusers.__version__},
        }

    def answer_line(self, line: str) -> dict:
        """The answer to one line, an error included: a bad request must not end the server."""
        request = None
        try:
            request = json.loads(line)
            result = self.answer(request)
        except Exception as error:
            result = {"error": f"{type(error).__name__}: {error}"}
        if isinstance(request, dict) and "id" in request:
            result = {"id": request["id"], **result}
        return result


def main() -> int:
    parser = argparse.ArgumentParser(description="PyTorch as a peer in langevin's benchmark.")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--once", metavar="REQUEST", help="answer this one request and leave")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    answers = os.fdopen(os.dup(1), "w")  # stdout carries answers only; whatever libraries print goes to stderr
    os.dup2(2, 1)
    peer = Peer()
    if options.once is not None:
        result = peer.answer_line(options.once)
        print(json.dumps(result), file=answers, flush=True)
        return 1 if "error" in result else 0
    for line in sys.stdin:
        if line.strip():
            print(json.dumps(peer.answer_line(line)), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
