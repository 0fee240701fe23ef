"""Learned widths beside uniform ones and beside pruning: what accuracy costs.

Trains on the embedded sample, 120 bits sent. With each seed: uniform 8-bit widths, learned widths
that are to be as accurate, and learned widths with `--max-luts` at 40 % of the uniform encoder's
cost. With the first seed: uniform widths of 4 to 12 bits, and 8-bit encoders of which the smallest
weights of each layer are zero (magnitude pruning, then 150 epochs more). Prints a table of the
seeds and one of the first seed's front, and writes a plot; goes on where it was interrupted.

LUTs are da4ml's cost; with ``--part`` those of the first table are by Yosys, too, and latency is
measured at 5 ns. Two and a half minutes a training on one core, uniform ones one.

Usage: ``python benchmarks/learned_widths.py FOLDER [--hidden 64-32] [--seeds 42 1 2]
[--normalisation min-max] [--part xcvu9p]``
"""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from aefpga.config import RunConfig, load_config
from aefpga.evaluation.plots.front import plot_costs
from aefpga.files import write_json
from aefpga.firmware.rtl import estimated_luts
from aefpga.runs import Run, open_run
from aefpga.workflow.summary import residuals
from aefpga.workflow.synthesize import synthesize
from aefpga.workflow.train import train

BITS = (4, 6, 8, 10, 12)
PRUNED = (0.25, 0.5, 0.75)
EPOCHS = 150
# Of the cost of the uniform encoder, the most that learned widths may have.
LIMIT = 0.4

Figures = dict[str, Any]


class Benchmark:
    """Encoders of one layout, trained in one folder.

    Parameters
    ----------
    folder : Path
        Of runs, projects, and figures that were measured already.
    normalisation : str
        Of inputs and targets.
    hidden : tuple of int
        Sizes of the encoder's hidden layers.
    part : str or None
        To synthesize for by Yosys.
    """

    def __init__(
        self, folder: Path, normalisation: str, hidden: tuple[int, ...], part: str | None
    ) -> None:
        self.folder, self._normalisation = folder, normalisation
        self._hidden, self._part = hidden, part

    def configuration(self, seed: int, **quantization: Any) -> RunConfig:
        """Return the configuration of one training."""
        return load_config(
            None,
            {
                "data": {"normalisation": self._normalisation},
                "model": {"kind": "standard", "hidden": self._hidden, "latent": 15},
                "quantization": {"bits": 8, **quantization},
                "training": {"epochs": EPOCHS, "seed": seed},
            },
        )

    def run(self, name: str, seed: int, **quantization: Any) -> Run:
        """Train, or open, a run."""
        runs = self.folder / "runs"
        if (runs / name).exists():
            return open_run(name, runs)
        print(f"training {name}", flush=True)
        return train(self.configuration(seed, **quantization), runs, name, step=step)

    def uniform(self, seed: int, bits: int = 8) -> Figures:
        """Return what an encoder of uniform widths costs, and how accurate it is."""
        run = self.run(f"uniform-{bits}bit-{seed}", seed, bits=bits, latent_bits=8)
        return self._measured(run, "quantized", synthesized=bits == 8)

    def learned(self, seed: int) -> Figures:
        """Return the same of learned widths that are to be as accurate as 8 uniform bits."""
        run = self.run(f"learned-{seed}", seed, method="learned")
        return self._measured(run, "decoder", synthesized=True)

    def limited(self, seed: int) -> Figures:
        """Return the same of learned widths of a limited cost."""
        limit = int(LIMIT * self.uniform(seed)["luts"])
        run = self.run(f"limited-{seed}", seed, method="learned", max_luts=limit)
        return self._measured(run, "decoder", synthesized=True)

    def pruned(self, seed: int, share: float) -> Figures:
        """Return cost and accuracy of an 8-bit encoder without a share of its weights."""
        name = f"pruned-{100 * share:.0f}-{seed}"
        folder = self.folder / "pruning" / name
        return self._kept(name, lambda: pruned(self.configuration(seed), share, folder))

    def front(self, seed: int) -> list[Figures]:
        """Return all points of the front that the widths of a seed were chosen from."""
        front = self.run(f"learned-{seed}", seed).front
        assert front is not None
        return list(front["points"])

    def _measured(self, run: Run, stage: str, synthesized: bool) -> Figures:
        def measure() -> Figures:
            quality = residuals(run)
            pt, mass = (quality.variable(v).residual.half_width_68 for v in ("pt", "mass"))
            loss = run.manifest["best_validation_loss"][stage]
            luts = estimated_luts(run.spec)
            layout = run.spec.layout
            return {"layout": layout, "luts": luts, "validation_loss": loss, "pt": pt, "mass": mass}

        def synthesis() -> Figures:
            print(f"synthesizing {run.name}", flush=True)
            return synthesize(run, self.folder / "projects", part=self._part).to_dict()

        figures = self._kept(run.name, measure)
        if self._part is None or not synthesized:
            return figures
        return {**figures, "report": self._kept(f"{run.name}-{self._part}", synthesis)}

    def _kept(self, name: str, make: Callable[[], Figures]) -> Figures:
        """Return figures from a file, or make them and write it."""
        path = self.folder / "figures" / f"{name}.json"
        if not path.exists():
            write_json(path, make())
        found: Figures = json.loads(path.read_text())
        return found


def step(what: str, done: int, total: int, note: str = "") -> None:
    """Print some of the progress."""
    if done == total or done % 50 == 0:
        print(f"  {what}: {done} of {total} {note}", flush=True)


def pruned(config: RunConfig, share: float, folder: Path) -> Figures:
    """Return the point of an 8-bit encoder without the smallest weights, trained again."""
    from aefpga.data.sample import sample_path
    from aefpga.data.selection import split
    from aefpga.trainers.calibrate import network_inputs
    from aefpga.trainers.qkeras.backend import tensorflow
    from aefpga.trainers.registry import find_trainer
    from aefpga.workflow.selection import selected_records

    schema, training = config.data.columns(), config.training
    selected, _ = selected_records([str(sample_path())], schema, config.data, step)
    rows = split(len(selected), training.validation, training.test, training.seed)
    records = selected.values[rows.train], selected.values[rows.validation]
    show = lambda epoch, planned: step(epoch.stage, epoch.epoch, planned)  # noqa: E731
    uniform = find_trainer("qkeras").fit(*records, schema, config, folder, show, {})
    tf = tensorflow()
    from aefpga.trainers.learned.specification import specification
    from aefpga.trainers.learned.start import networks
    from aefpga.trainers.qkeras.training import Samples

    samples = [
        Samples(network_inputs(uniform.input, x), uniform.normaliser.transform(x)) for x in records
    ]
    encoder, decoder = networks(uniform, samples[0], config)
    encoder.calibrate(samples[0].inputs[:8000], config.quantization.widths.activation)
    masks = []
    for name in encoder.names:
        size = np.abs(encoder[f"{name}/kernel"].numpy())
        masks.append((encoder[f"{name}/kernel"], (size > np.quantile(size, share)).astype("f4")))
    variables = [*encoder.weights, *decoder.trainable_variables]
    n = len(samples[0]) // training.batch_size
    rate = tf.keras.optimizers.schedules.CosineDecay(training.learning_rate / 2, EPOCHS * n)
    optimizer = tf.keras.optimizers.Adam(rate)
    optimizer.build(variables)

    @tf.function(jit_compile=True)
    def run_epoch(inputs: Any, targets: Any) -> None:
        for i in tf.range(tf.shape(inputs)[0]):
            with tf.GradientTape() as tape:
                latents = encoder(inputs[i]).outputs[-1]
                loss = tf.reduce_mean(tf.square(decoder(latents, training=True) - targets[i]))
            gradients = tape.gradient(loss, variables, unconnected_gradients="zero")
            optimizer.apply_gradients(zip(gradients, variables, strict=True))
            for kernel, mask in masks:
                kernel.assign(kernel * mask)

    best, arrays = np.inf, encoder.arrays()
    for kernel, mask in masks:
        kernel.assign(kernel * mask)
    for epoch in range(EPOCHS):
        encoder.calibrate(samples[0].inputs[:8000], config.quantization.widths.activation)
        order = np.random.default_rng((training.seed, epoch)).permutation(len(samples[0]))
        order = order[: n * training.batch_size].reshape(n, -1)
        run_epoch(samples[0].inputs[order], samples[0].targets[order])
        latents = encoder(samples[1].inputs).outputs[-1]
        loss = float(np.square(decoder(latents).numpy() - samples[1].targets).mean())
        if loss < best:
            best, arrays = loss, encoder.arrays()
        step("pruned epochs", epoch + 1, EPOCHS, f"{loss:.2e}")
    spec = specification(arrays, uniform.input, config.model, {})
    return {"luts": estimated_luts(spec), "validation_loss": best}


def of_seeds(benchmark: Benchmark, seeds: list[int]) -> Iterator[str]:
    """Yield the rows of all seeds: uniform widths, and both kinds of learned ones."""
    titles = ("seed", "widths", "neurons", "LUTs (da4ml)", "validation MSE", "pt", "mass")
    yield f"| {' | '.join((*titles, 'LUTs (Yosys)', 'FF', 'latency'))} |"
    yield f"|{' --- |' * 10}"
    for seed in seeds:
        uniform = benchmark.uniform(seed)
        rows = {
            "uniform 8 bits": uniform,
            "learned": benchmark.learned(seed),
            f"learned, `--max-luts {int(LIMIT * uniform['luts'])}`": benchmark.limited(seed),
        }
        for name, f in rows.items():
            cells = [
                *(f"{seed}", name, f["layout"], of(f["luts"], uniform["luts"])),
                *(f"{f['validation_loss']:.2e}", f"{f['pt']:.1%}", f"{f['mass']:.1%}"),
                *("", "", ""),
            ]
            if report := f.get("report"):
                resources, of_uniform = report["resources"], uniform["report"]["resources"]
                lut = of(resources["lut"], of_uniform["lut"])
                cells[-3:] = [lut, f"{resources['ff']:,.0f}", f"{report['latency_ns']:.0f} ns"]
            yield f"| {' | '.join(cells)} |"


def of(luts: float, uniform: float) -> str:
    """Return LUTs, and their share of the uniform encoder's."""
    return f"{luts:,.0f}" + (f" ({luts / uniform:.0%})" if luts != uniform else "")


def of_front(benchmark: Benchmark, seed: int) -> Iterator[tuple[str, str, Figures]]:
    """Yield family, remark and figures of each encoder of one seed."""
    for bits in BITS:
        yield "uniform, 4 to 12 bits", f"{bits} bits", benchmark.uniform(seed, bits)
    for share in PRUNED:
        yield "pruned, 8 bits", f"{share:.0%} pruned", benchmark.pruned(seed, share)
    for point in benchmark.front(seed):
        yield "learned", "chosen" if point["chosen"] else "", point


def main() -> None:
    """Train what is not trained yet; write tables and plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hidden", default="64-32")
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 1, 2])
    parser.add_argument("--normalisation", default="min-max")
    parser.add_argument("--part")
    told = parser.parse_args()
    hidden = tuple(map(int, told.hidden.split("-")))
    benchmark = Benchmark(told.folder, told.normalisation, hidden, told.part)
    print("\n".join(of_seeds(benchmark, told.seeds)))
    print("\n| | | LUTs (da4ml) | MSE | pt |\n| --- | --- | --- | --- | --- |")
    shown: dict[str, list[tuple[float, float]]] = {}
    for family, remark, f in of_front(benchmark, told.seeds[0]):
        pt = f"{f['pt']:.1%}" if "pt" in f else ""
        print(f"| {family} | {remark} | {f['luts']:,.0f} | {f['validation_loss']:.2e} | {pt} |")
        shown.setdefault(family, []).append((f["luts"], f["validation_loss"]))
    label = f"validation MSE, {told.normalisation} normaliser's units"
    plot_costs(shown, label, told.folder / "learned-widths.png")


if __name__ == "__main__":
    main()
