"""Time and peak memory of training, encoding and decoding, for every model, against PyTorch.

Each measurement is a process of its own, so that peak memory (imports and jets included) means
something; the embedded jets, batch 512, one thread a core. PyTorch trains the same layers with the
same losses in its ordinary eager loop; its encoder is the float network, ours the integer emulator,
which computes the firmware's words. PyTorch is needed here only: ``pip install torch``.

Usage: ``python benchmarks/cost.py``.
"""

import math
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from timing import median_seconds

EPOCHS = 5
BATCH = 512
MODELS: dict[str, dict[str, Any]] = {
    "linear": {"kind": "linear", "decoder_hidden": (128, 128)},
    "standard": {"kind": "standard", "hidden": (64, 32)},
    "sparse-l1": {"kind": "sparse-l1", "hidden": (64, 32)},
    "sparse-kl": {"kind": "sparse-kl", "hidden": (64, 32)},
    "vae": {"kind": "vae", "hidden": (64, 32)},
    "adversarial": {"kind": "adversarial", "hidden": (64, 32)},
}


def jets() -> np.ndarray:
    """Return the embedded jets, 24 variables."""
    from aefpga.data.reader import read_records
    from aefpga.data.sample import sample_path
    from aefpga.schema import JETS

    return read_records([str(sample_path())], JETS.choose("24")).values


def peak_memory() -> float:
    """Return this process' peak memory in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def ours_training(name: str) -> tuple[float, float]:
    """Return seconds an epoch in floating point, and peak memory in GB."""
    from aefpga.config import load_config
    from aefpga.workflow.train import train

    overrides = {"model": MODELS[name], "training": {"epochs": EPOCHS}}
    seconds: list[float] = []
    started = [time.perf_counter()]

    def step(what: str, done: int, total: int) -> None:
        if what.startswith("float epochs"):
            seconds.append(time.perf_counter() - started[0])
            started[0] = time.perf_counter()

    with tempfile.TemporaryDirectory() as folder:
        train(load_config(None, overrides), Path(folder), "run", step=step)
    # The first one compiles.
    return statistics.median(seconds[1:]), peak_memory()


def ours_encoding(name: str) -> tuple[float, float]:
    """Return seconds a jet for the integer emulator, and peak memory in GB."""
    from aefpga.fixedpoint import Emulator
    from aefpga.fixedpoint.example import random_spec

    x, sizes = jets(), (24, *MODELS[name]["hidden"], 15)
    emulator = Emulator(random_spec(sizes, 8, input_bits=14))
    words = emulator.spec.input.to_words(x)
    return median_seconds(lambda: emulator(words)) / len(x), peak_memory()


def ours_decoding(name: str) -> tuple[float, float]:
    """Return seconds a jet for the ONNX decoder, and peak memory in GB."""
    from aefpga.networks.decoder import Decoder
    from aefpga.networks.network import FloatLayer, Network, export_network

    rng = np.random.default_rng(0)
    sizes = (15, *(MODELS[name].get("decoder_hidden") or MODELS[name]["hidden"][::-1]), 24)
    layers = [
        FloatLayer(
            rng.normal(0, 0.2, shape).astype(np.float32), np.zeros(shape[1], np.float32), "relu"
        )
        for shape in pairwise(sizes)
    ]
    words = rng.integers(-128, 128, (88_000, 15))
    with tempfile.TemporaryDirectory() as folder:
        export_network(Network(layers, np.ones(15)), Path(folder) / "decoder.onnx")
        decode = Decoder(Path(folder) / "decoder.onnx")
        return median_seconds(lambda: decode(words)) / len(words), peak_memory()


class TorchModel:
    """The same layers and losses in PyTorch."""

    def __init__(self, name: str) -> None:
        import torch
        from torch import nn

        torch.manual_seed(0)
        model = MODELS[name]
        self.torch, self.kind = torch, model["kind"]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise((24, *model["hidden"])))
        last = (24, *model["hidden"])[-1]
        self.latent, self.log_variance = nn.Linear(last, 15), nn.Linear(last, 15)
        decoder = (15, *(model.get("decoder_hidden") or model["hidden"][::-1]))
        self.decoder = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(decoder))
        self.output, self.path = nn.Linear(decoder[-1], 24), nn.Linear(15, 24)
        self.critic = nn.ModuleList(nn.Linear(a, b) for a, b in ((15, 64), (64, 64), (64, 1)))
        parts = [self.hidden, self.latent, self.log_variance, self.decoder, self.output]
        self.everything = nn.ModuleList([*parts, self.path, self.critic])

    def encode(self, x: Any) -> tuple[Any, Any, Any]:
        """Return latents, the last hidden layer's output, and the sparsity term."""
        torch, penalty = self.torch, 0.0
        for layer in self.hidden:
            x = torch.relu(layer(x))
            if self.kind == "sparse-l1":
                penalty = penalty + 1e-3 * x.abs().sum(1).mean()
            if self.kind == "sparse-kl":
                mean = x.mean(0).clamp(1e-4, 1 - 1e-4)
                on, off = 0.05 * (0.05 / mean).log(), 0.95 * (0.95 / (1 - mean)).log()
                penalty = penalty + 1e-3 * (on + off).sum()
        return self.latent(x), x, penalty

    def decode(self, z: Any) -> Any:
        """Return normalised variables of latents."""
        y = z
        for layer in self.decoder:
            y = self.torch.relu(layer(y))
        return self.output(y) + (0 if len(self.hidden) else self.path(z))

    def scores(self, z: Any, *, fixed: bool) -> Any:
        """Return the discriminator's scores; its weights get no gradient where `fixed`."""
        functional = self.torch.nn.functional
        for i, layer in enumerate(self.critic):
            weight, bias = (w.detach() if fixed else w for w in (layer.weight, layer.bias))
            z = functional.linear(z, weight, bias)
            z = functional.leaky_relu(z, 0.2) if i < 2 else z
        return z

    def loss(self, x: Any) -> Any:
        """Return the training loss of a batch."""
        torch, soft = self.torch, self.torch.nn.functional.softplus
        z, last, penalty = self.encode(x)
        if self.kind == "vae":
            spread = self.log_variance(last)
            divergence = 0.5 * (z**2 + spread.exp() - 1 - spread).sum(1).mean()
            penalty, z = 1e-6 * divergence, z + (spread / 2).exp() * torch.randn_like(z)
        if self.kind == "adversarial":
            real = self.scores(torch.randn_like(z), fixed=False)
            false = self.scores(z.detach(), fixed=False)
            fooled = self.scores(z, fixed=True)
            penalty = 1e-4 * (soft(-real) + soft(false) + soft(-fooled)).mean()
        return (self.decode(z) - x).square().mean() + penalty


def torch_training(name: str) -> tuple[float, float]:
    """Return seconds an epoch in PyTorch, and peak memory in GB."""
    import torch

    from aefpga.normalise import Normaliser
    from aefpga.schema import JETS

    values = jets()
    rows = int(0.7 * len(values))
    scaled = Normaliser("min-max", JETS.choose("24")).fit(values).transform(values)
    data = torch.from_numpy(scaled[:rows])
    model = TorchModel(name)
    optimizer = torch.optim.Adam(model.everything.parameters(), 3e-3)

    def epoch() -> None:
        order = torch.randperm(len(data))
        for start in range(0, len(data) - BATCH + 1, BATCH):
            optimizer.zero_grad()
            model.loss(data[order[start : start + BATCH]]).backward()
            optimizer.step()

    seconds = median_seconds(epoch)
    return seconds, peak_memory()


def torch_forward(name: str, part: str) -> tuple[float, float]:
    """Return seconds a jet to encode or decode in PyTorch, and peak memory in GB."""
    import torch

    model = TorchModel(name)
    x = torch.rand(88_000, 24 if part == "encode" else 15)
    with torch.inference_mode():
        return median_seconds(lambda: getattr(model, part)(x)) / len(x), peak_memory()


def alone(work: Callable[..., tuple[float, float]], *arguments: str) -> tuple[float, float]:
    """Return what `work` returns in a fresh process; NaN where PyTorch is not installed."""
    spawn = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            return pool.submit(work, *arguments).result()
    except ImportError:
        return math.nan, math.nan


def main() -> None:
    """Print a row for each model."""
    print("| model | what | ours | PyTorch | PyTorch / ours | ours, GB | PyTorch, GB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in MODELS:
        rows = {
            "training, s/epoch": (ours_training, torch_training, ()),
            "encoding, µs/jet": (ours_encoding, torch_forward, ("encode",)),
            "decoding, µs/jet": (ours_decoding, torch_forward, ("decode",)),
        }
        for what, (ours, theirs, extra) in rows.items():
            unit = 1e6 if "µs" in what else 1.0
            (a, memory), (b, their_memory) = alone(ours, name), alone(theirs, name, *extra)
            print(
                f"| {name} | {what} | {a * unit:.3g} | {b * unit:.3g} | {b / a:.1f} | "
                f"{memory:.2f} | {their_memory:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
