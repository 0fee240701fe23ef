"""Trainers are open: one of a single file, registered here, goes through the library's verbs."""

import numpy as np
import pytest

from aefpga.codec.archive import Archive
from aefpga.config import load_config
from aefpga.data.records import Records
from aefpga.data.writer import write_records
from aefpga.errors import ToolError, UsageError
from aefpga.fixedpoint import (
    DenseLayer,
    Emulator,
    EncoderSpec,
    Tensor,
    exact_accumulator,
)
from aefpga.networks.network import FloatLayer, Network
from aefpga.normalise import Normaliser
from aefpga.runs import open_run
from aefpga.trainers import registry
from aefpga.trainers.calibrate import closest_type, fit_input, network_inputs
from aefpga.trainers.linear import best_linear, linear_fit
from aefpga.trainers.trainer import Epoch, Trained
from aefpga.workflow.compress import Settings, compress, decompress
from aefpga.workflow.csim import csim
from aefpga.workflow.evaluate import evaluate
from aefpga.workflow.train import train


class LeastSquares:
    """The best linear encoder, rounded, and the best linear decoder of its words; in NumPy."""

    name, title = "least-squares", "least squares"

    def fit(self, train, validation, schema, config, checkpoints, on_epoch, provenance):
        normaliser = Normaliser(config.data.normalisation, schema).fit(train)
        source = fit_input(train, schema, config.quantization.input_bits, normaliser.logarithmic)
        targets = normaliser.transform(train)
        encode, decode = best_linear(source.scaled(train), targets, config.model.n_latent)
        layers = [FloatLayer(*encode), FloatLayer(*decode)]
        float_network = Network(layers, np.ones(len(schema), np.float32), latent=1)

        inputs, widths = network_inputs(source, train), config.quantization.widths
        weight, bias, output = (
            closest_type(values, bits, signed=True)
            for values, bits in (
                (encode[0], widths.weight),
                (encode[1], widths.bias),
                (inputs @ encode[0] + encode[1], widths.latent),
            )
        )
        matrix = Tensor(weight.to_words(encode[0]), weight)
        offset = Tensor(bias.to_words(encode[1]), bias)
        layer = DenseLayer(
            name="latent",
            weight=matrix,
            bias=offset,
            accumulator=exact_accumulator(source.network_type, matrix, offset),
            activation="linear",
            output=output,
        )
        spec = EncoderSpec(source, (layer,), provenance)
        latents = spec.latent_type.to_values(Emulator(spec).encode(train)).astype(np.float32)
        last = FloatLayer(*linear_fit(latents, targets))
        loss = float(np.square(last(latents) - targets).mean())
        epoch = Epoch("quantized", 1, loss, loss, 0.0)
        on_epoch(epoch, 1)
        decoder = Network([last], np.ones(len(latents.T), np.float32))
        return Trained(
            source, normaliser, float_network, [epoch], spec, decoder, {"kernel": matrix.values}
        )

    def reference(self, weights, spec, config):
        kernel = np.load(weights)["kernel"]

        class Computation:
            name = "NumPy"

            def trace(self, words):
                layer = spec.layers[0]
                x = spec.input.network_type.to_values(words)
                return [layer.output.to_words(x @ kernel + layer.bias.values)]

            def __call__(self, words):
                return self.trace(words)[-1]

        return Computation()


@pytest.fixture
def least_squares(monkeypatch):
    monkeypatch.setattr(registry, "_TRAINERS", dict(registry._TRAINERS))
    registry.register(LeastSquares())


def test_a_trainer_of_one_file_goes_through_every_verb(least_squares, monkeypatch, tmp_path):
    config = load_config(
        None,
        {"data": {"max_jets": 1000, "variables": "4"}, "training": {"trainer": "least-squares"}},
    )
    made = train(config, tmp_path / "runs", "toy")
    run = open_run("toy", tmp_path / "runs")
    assert run.spec.hash == made.spec.hash
    assert run.is_quantized

    result = csim(run, tmp_path / "projects", without=("hls", "rtl"))
    assert {result.agreements[0].first, result.agreements[0].second} == {"emulator", "NumPy"}
    assert result.is_exact
    assert evaluate(run).qualities["quantized model"].mse < 5e-3

    few = tmp_path / "few.root"
    write_records(few, [Records(run.schema, run.test_records[:100], np.ones(100, np.int64))], {})
    compress(run, [str(few)], tmp_path / "a.aejets", Settings())
    assert decompress(Archive(tmp_path / "a.aejets"), tmp_path / "b.root") == 100

    monkeypatch.undo()
    with pytest.raises(ToolError, match="the trainer least-squares, which is not known"):
        registry.reference(run)


def test_an_unknown_trainer_is_named(tmp_path):
    config = load_config(None, {"training": {"trainer": "none"}})
    with pytest.raises(UsageError, match="no trainer none; there are qkeras"):
        train(config, tmp_path, "a")
    assert not list(tmp_path.iterdir())
