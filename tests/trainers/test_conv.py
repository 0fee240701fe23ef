"""Convolutional encoders: their words, their decoders, and what cannot be one."""

import numpy as np
import pytest

pytest.importorskip("qkeras", reason="training needs the extra `train`")

from aefpga.config import TrainingConfig, load_config, placed_kernels
from aefpga.errors import UsageError
from aefpga.firmware.rtl import trace
from aefpga.fixedpoint import ConvolutionLayer, Emulator
from aefpga.fixedpoint.example import adversarial_words
from aefpga.networks.network import read_network
from aefpga.normalise import Normaliser
from aefpga.progress import silent
from aefpga.runs import layout
from aefpga.schema import CELLS, JETS, Schema
from aefpga.trainers.neighbours import sums_of_neighbours
from aefpga.trainers.qkeras.autoencoder import (
    dense_weights,
    float_decoder,
    float_encoder,
    set_dense_weights,
)
from aefpga.trainers.qkeras.backend import tensorflow
from aefpga.trainers.qkeras.fit import as_network
from aefpga.trainers.qkeras.training import Samples, train_stage
from aefpga.trainers.registry import reference
from aefpga.workflow.train import train

# Ten cells on a grid of 4 × 3, in an order of their own.
GRID = ("c3", "c1", "", "c0", "c7", "c9", "c2", "c4", "c5", "c8", "", "c6")
RECORD = {
    "name": "grids",
    "tree": "",
    "variables": [
        {"name": f"c{i}", "unit": "GeV", "kind": "position", "source": f"c{i}"} for i in range(10)
    ],
    "layouts": {"4x3": {"shape": (4, 3), "cells": GRID}},
    "one_per_event": True,
}
MODEL = {"kind": "conv", "filters": (3, 2), "kernel": 2, "hidden": (6,), "latent": 4}


@pytest.fixture(scope="module")
def record():
    return Schema(**RECORD)


@pytest.mark.parametrize(("strides", "padding"), [(1, "valid"), (2, "same")])
def test_layers_of_no_framework_do_what_convolutions_and_their_transposes_do(
    record, strides, padding
):
    model = {**MODEL, "strides": strides, "padding": padding}
    config = load_config(None, {"data": {"record": record}, "model": model})
    kernels = placed_kernels(config.model, record)
    encoder = float_encoder(10, config.model, kernels)
    decoder = float_decoder(10, config.model, kernels)
    rng, weights = np.random.default_rng(0), []
    for network in (encoder, decoder):
        drawn = {
            name: tuple(rng.normal(size=part.shape).astype(np.float32) for part in parts)
            for name, parts in dense_weights(network).items()
        }
        set_dense_weights(network, drawn)
        weights.append(drawn)
    x = rng.normal(size=(50, 10)).astype(np.float32)
    latents = encoder.predict(x, verbose=0)
    expected = decoder.predict(latents, verbose=0)
    found = x
    for layer in as_network(weights[0] | weights[1], config.model, kernels).layers:
        found = layer(found)
    assert found.shape == (50, 10)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


def test_words_of_the_trained_encoder_are_the_firmware_s(record, tmp_path):
    rng = np.random.default_rng(0)
    cells = np.round(rng.exponential(1, (400, 10)), 3)
    path = tmp_path / "grids.csv"
    names = ",".join(v.name for v in record.variables)
    np.savetxt(path, cells, fmt="%.3f", delimiter=",", header=names, comments="")
    content = {
        "data": {"record": record, "input": [str(path)], "normalisation": "min-max"},
        "model": {**MODEL, "latent_activation": "relu"},
        "quantization": {"bits": 5, "latent_bits": 3},
        "training": {"epochs": 1, "batch_size": 32, "loss": "neighbours"},
    }
    run = train(load_config(None, content), tmp_path, "grids", step=silent)
    spec, keras = run.spec, reference(run)
    assert [x.kind for x in spec.layers] == ["convolution", "convolution", "dense", "dense"]
    assert isinstance(spec.layers[0], ConvolutionLayer)
    assert spec.layers[0].places == (3, 1, 6, 0, 7, 8, 11, 4, 9, 5)
    assert spec.bits_per_jet == 12
    assert not spec.latent_type.signed.any()
    # Cells share a range, and places of a filter a type.
    assert np.unique(spec.input.exponent).size == 1
    words = np.concatenate([spec.input.to_words(run.test_records), adversarial_words(spec)])
    for ours, theirs in zip(Emulator(spec).trace(words), keras.trace(words), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    # da4ml's logic is compared with the emulator as it is traced.
    trace(spec, 5.0)
    decoder = read_network(run.folder / layout.DECODER)
    assert (decoder.n_out, decoder.layers[-1].activation) == (10, "relu")


@pytest.mark.parametrize(
    ("data", "model", "said"),
    [
        ({"record": "jets"}, MODEL, "are no cells"),
        ({"record": "cells"}, {"kind": "conv", "kernel": 5, "padding": "valid"}, "larger than"),
        ({"record": "cells"}, {"kind": "conv", "layout": "7x7"}, "no layout 7x7"),
        ({"record": "cells"}, {"kind": "conv", "batch_norm": True}, "batch_norm"),
        ({"record": "cells"}, {"kind": "conv", "scale": "spread"}, "convolutions"),
        ({"record": "cells"}, {"kind": "conv", "filters": ()}, "give model.filters"),
        ({"record": "cells"}, {"kind": "standard", "kernel": 2}, "kernel is of kind conv"),
    ],
)
def test_what_is_no_convolution_is_refused(data, model, said):
    with pytest.raises(UsageError, match=said):
        load_config(None, {"data": data, "model": model})


def test_errors_of_neighbours_count_beside_those_of_cells(tmp_path):
    keras, rng = tensorflow().keras, np.random.default_rng(0)
    outputs, targets = rng.normal(size=(40, 4)), rng.uniform(size=(40, 4))
    outputs, targets = outputs.astype(np.float32), targets.astype(np.float32)
    sums = rng.uniform(size=(4, 3)).astype(np.float32)
    inputs = keras.Input((4,))
    network = keras.Model(inputs, keras.layers.Dense(4, kernel_initializer="identity")(inputs))
    samples = Samples(outputs, targets, 1.0, sums, is_positive=True)
    config = TrainingConfig(batch_size=4)
    path = tmp_path / "state.npz"
    (epoch,) = train_stage(
        network, samples, samples, config, "float", 1, 0.0, path, lambda *_: None
    )
    error = np.maximum(outputs, 0.1 * outputs) - targets
    expected = np.square(error).mean() + np.square(error @ sums).sum(axis=1).mean() / 4
    assert epoch.loss == pytest.approx(expected, rel=1e-5)
    plain = np.square(np.maximum(outputs, 0) - targets).mean()
    assert epoch.validation_loss == pytest.approx(plain, rel=1e-5)


def test_sums_are_over_discs(record):
    cells = np.ones((3, 10), np.float32)
    sums = sums_of_neighbours(Normaliser("min-max", record).fit(cells), record)
    # Above, left and right of c4; and all but one corner of the grid.
    assert GRID[7] == "c4"
    there, weights = sums[:, [4, 14]] > 0, sums.max(axis=0)[[4, 14]]
    assert {f"c{i}" for i in np.flatnonzero(there[:, 0])} == {"c4", "c7", "c2", "c5"}
    assert {f"c{i}" for i in np.flatnonzero(~there[:, 1])} == {"c3"}
    # Of their cells as many as the largest of a size has.
    assert weights == pytest.approx(np.sqrt(0.5 / np.array([5, 9])))


def test_losses_that_there_are_not():
    physics = Normaliser("physics", JETS.choose("4"))
    with pytest.raises(UsageError, match="no cells"):
        sums_of_neighbours(physics, JETS.choose("4"))
    for model, said in ({"kind": "linear"}, "layers"), ({"kind": "modulo"}, "modulo words"):
        content = {"data": {"record": "cells", "normalisation": "physics"}, "model": model}
        with pytest.raises(UsageError, match=said):
            load_config(None, {**content, "training": {"loss": "neighbours"}})


def test_what_is_no_cell_is_refused():
    model = load_config(None, {"data": {"record": "cells"}, "model": {"kind": "conv"}}).model
    with pytest.raises(UsageError, match="leave out charge"):
        placed_kernels(model, CELLS)


def test_another_kind_has_no_convolutions(tmp_path):
    path = tmp_path / "conv.yaml"
    path.write_text("data: {record: cells}\nmodel: {kind: conv, filters: [4], strides: 2}\n")
    assert load_config(path, {}).model.filters == (4,)
    assert load_config(path, {"model": {"kind": "standard"}}).model.strides == 1
    config = load_config(None, {"data": {"record": "cells"}, "model": {"kind": "conv"}})
    assert (config.model.filters, config.model.hidden) == ((8,), ())
    # As the chip has it: 2,288 parameters with 16 latents.
    (kernel,) = placed_kernels(config.model, config.data.columns())
    assert (kernel.kernel, kernel.shape) == ((3, 3, 3, 8), (4, 4, 8))
