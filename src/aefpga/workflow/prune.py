"""`activity --prune`: a run without the neurons that never do anything."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from aefpga.config import LEARNED_WIDTHS, USUAL_TRAINER
from aefpga.errors import UsageError
from aefpga.fixedpoint.activity import Bools, activity, living, pruned
from aefpga.networks.network import export_network, read_network
from aefpga.runs import Run, check_name, layout, seal

# Trainers whose encoders can be pruned. Learned widths keep the layers' sizes that they began with:
# what is left of these is in the specification.
PRUNED = (USUAL_TRAINER, LEARNED_WIDTHS)
# What a manifest says of its own making.
OF_THE_FOLDER = ("schema", "aefpga", "created", "versions", "files")


def prune(run: Run, runs: Path, name: str) -> Run:
    """Leave a run like this one, without the neurons that are zero for all of its test records.

    It has the decoder, the normaliser and the float model of the other.

    Raises
    ------
    UsageError
        If there is nothing to prune, or the run cannot be.
    """
    check_name(name)
    if (runs / name).exists():
        raise UsageError(f"run {runs / name} exists already; choose another --prune or remove it")
    if run.config.trainer not in PRUNED or not run.is_quantized:
        raise UsageError(
            f"run {run.name} was made by the trainer {run.config.trainer}"
            f"{'' if run.is_quantized else ', without words'}: --prune knows what "
            f"{' or '.join(PRUNED)} quantized"
        )
    if run.config.model.filters:
        raise UsageError(
            f"run {run.name} has convolutions, whose neurons share their weights: --prune knows "
            "dense layers alone"
        )
    words = run.spec.input.to_words(run.test_records)
    alive = living(activity(run.spec, words))
    silent_neurons = {layer: int((~kept).sum()) for layer, kept in alive.items()}
    if not any(silent_neurons.values()):
        raise UsageError(
            f"no hidden neuron of run {run.name} is zero for all of its {len(words):,} test "
            f"{run.schema.name}: there is nothing to prune; train with a larger model.penalty"
        )
    facts = {key: x for key, x in run.manifest.items() if key not in OF_THE_FOLDER} | {
        "pruned": {
            "from": run.name,
            "encoder": run.spec.hash,
            "silent": silent_neurons,
            "records": len(words),
        }
    }
    config = run.config
    if config.trainer == USUAL_TRAINER:
        hidden = tuple(int(kept.sum()) for kept in alive.values())
        # The decoder mirrors the encoder that it was trained with.
        sizes = {"hidden": hidden, "decoder_hidden": config.model.decoder_layers}
        config = config.model_copy(update={"model": config.model.model_copy(update=sizes)})
    with tempfile.TemporaryDirectory(dir=runs, prefix=".") as temporary:
        partial = Path(temporary) / name
        _write_pruned(run, alive, partial)
        return seal(partial, runs / name, config, facts)


def _write_pruned(run: Run, alive: Mapping[str, Bools], folder: Path) -> None:
    """Copy a run's files, but with the smaller encoder, the decoder's hash and the reference."""
    for file in run.manifest["files"]:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(run.folder / file, folder / file)
    provenance = {**run.spec.provenance, "run": folder.name, "pruned_from": run.spec.hash}
    spec = replace(pruned(run.spec, alive), provenance=provenance)
    spec.save(folder)
    decoder = read_network(run.folder / layout.DECODER)
    export_network(
        replace(decoder, metadata={"encoder": spec.latent_hash}), folder / layout.DECODER
    )
    # Imports what trains, which a run that is only looked at does not need.
    from aefpga.trainers.qkeras.backend import tensorflow

    # With the Keras that the modules need.
    tensorflow()
    if run.config.trainer == LEARNED_WIDTHS:
        from aefpga.trainers.learned.reference import pruned_weights
    else:
        from aefpga.trainers.qkeras.reference import pruned_weights
    weights = pruned_weights(run.reference, alive)
    np.savez_compressed(folder / run.reference.name, allow_pickle=False, **weights)
