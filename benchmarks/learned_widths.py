"""Learned widths beside uniform ones and beside pruning: what accuracy costs.

Trains on the embedded sample, min-max, 120 bits sent, 24-64-32-15 unless told otherwise:
learned widths with each seed, uniform widths of 4 to 12 bits, and 8-bit encoders of which the
smallest weights of each layer are zero (magnitude pruning, then 150 epochs more). Prints a table of
validation MSE and da4ml's cost, writes it and a plot; goes on where it was interrupted.

Usage: ``python benchmarks/learned_widths.py FOLDER [HIDDEN [SEED ...]]``; HIDDEN such as 64-32.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from aefpga.config import RunConfig, load_config
from aefpga.evaluation.plots.front import plot_costs
from aefpga.files import write_json
from aefpga.firmware.rtl import estimated_luts
from aefpga.workflow.summary import residuals
from aefpga.workflow.train import train

BITS = (4, 6, 8, 10, 12)
PRUNED = (0.25, 0.5, 0.75)
EPOCHS = 150

Points = list[dict[str, Any]]


def configuration(hidden: tuple[int, ...], seed: int, **quantization: Any) -> RunConfig:
    """Return the configuration of one training."""
    return load_config(
        None,
        {
            "data": {"normalisation": "min-max"},
            "model": {"kind": "standard", "hidden": hidden, "latent": 15},
            "quantization": {"bits": 8, **quantization},
            "training": {"epochs": EPOCHS, "seed": seed},
        },
    )


def step(what: str, done: int, total: int, note: str = "") -> None:
    """Print some of the progress."""
    if done == total or done % 50 == 0:
        print(f"  {what}: {done} of {total} {note}", flush=True)


def trained(config: RunConfig, runs: Path, name: str) -> Points:
    """Train, or open, a run; return its points."""
    from aefpga.runs import open_run

    done = (runs / name).exists()
    run = open_run(name, runs) if done else train(config, runs, name, step=step)
    quality = residuals(run)
    pt = quality.variable("pt").residual.half_width_68
    if run.front is not None:
        return [{**p, "pt": pt if p["chosen"] else None} for p in run.front["points"]]
    loss = run.manifest["best_validation_loss"]["quantized"]
    return [{"luts": estimated_luts(run.spec), "validation_loss": loss, "pt": pt}]


def pruned(config: RunConfig, share: float, folder: Path) -> Points:
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
    return [{"luts": estimated_luts(spec), "validation_loss": best}]


def kept(path: Path, make: Callable[[], Points]) -> Points:
    """Return points from a file, or make them and write it."""
    if not path.exists():
        write_json(path, make())
    found: Points = json.loads(path.read_text())
    return found


def main() -> None:
    """Train what is not trained yet; write table and plot."""
    folder = Path(sys.argv[1])
    hidden = tuple(map(int, (sys.argv[2] if len(sys.argv) > 2 else "64-32").split("-")))
    seeds = [int(s) for s in sys.argv[3:]] or [42, 1, 2]
    runs, done = folder / "runs", folder / "points"
    first = seeds[0]
    families: dict[str, Points] = {"uniform": [], "pruned, 8 bits": []}
    for seed in seeds:
        config = configuration(hidden, seed, method="learned")
        name = f"learned-{seed}"
        families[f"learned, seed {seed}"] = kept(
            done / f"{name}.json", lambda c=config, n=name: trained(c, runs, n)
        )
    for seed in seeds:
        for bits in BITS if seed == first else (8,):
            config = configuration(hidden, seed, bits=bits, latent_bits=8)
            name = f"uniform-{bits}bit-{seed}"
            families["uniform"] += [
                {**p, "bits": bits, "seed": seed}
                for p in kept(done / f"{name}.json", lambda c=config, n=name: trained(c, runs, n))
            ]
    for share in PRUNED:
        config = configuration(hidden, first)
        path = done / f"pruned-{100 * share:.0f}-{first}.json"
        families["pruned, 8 bits"] += [
            {**p, "share": share}
            for p in kept(path, lambda c=config, s=share: pruned(c, s, folder / "pruning"))
        ]
    print("| family | LUTs (da4ml) | validation MSE | 68 % of jets within, pt | |")
    print("| --- | --- | --- | --- | --- |")
    for family, points in families.items():
        for p in points:
            pt = "" if p.get("pt") is None else f"{p['pt']:.1%}"
            remark = "chosen" if p.get("chosen") else f"{p.get('bits', '')}{p.get('share', '')}"
            row = f"{p['luts']:,.0f} | {p['validation_loss']:.2e} | {pt} | {remark}"
            print(f"| {family} | {row} |")
    shown = {
        name: [(p["luts"], p["validation_loss"]) for p in points if p.get("seed", first) == first]
        for name, points in families.items()
    }
    shown["uniform, 4 to 12 bits"] = shown.pop("uniform")
    plot_costs(shown, "validation MSE, min-max", folder / "learned-widths.png")


if __name__ == "__main__":
    main()
