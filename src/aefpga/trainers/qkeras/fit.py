"""From jets to a trained autoencoder: in floating point first, then quantization-aware."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.config import RunConfig
from aefpga.fixedpoint import (
    DenseLayer,
    EncoderInput,
    EncoderSpec,
    Tensor,
    exact_accumulator,
)
from aefpga.normalise import Normaliser
from aefpga.schema import Schema
from aefpga.trainers.qkeras.autoencoder import (
    LINEAR_PATH,
    LayerTypes,
    dense_weights,
    float_decoder,
    float_encoder,
    layer_activation,
    layer_names,
    quantized_encoder,
    set_dense_weights,
)
from aefpga.trainers.qkeras.backend import tensorflow
from aefpga.trainers.qkeras.calibrate import fit_input, layer_types
from aefpga.trainers.qkeras.linear import refit_linear_path, set_best_linear
from aefpga.trainers.qkeras.training import Epoch, Floats, Samples, batch_size, train_stage

Weights = dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]

# Jets on which the ranges of the activations are measured.
CALIBRATION_JETS = 20_000
# Smallest range of a latent, of the largest one, that is stretched to all of a word's.
LEAST_RANGE = 2.0**-12
# The quantized network starts from a trained one: it needs a smaller step.
QUANTIZED_LEARNING_RATE = 0.5


@dataclass(frozen=True)
class Network:
    """Trained weights of an encoder and its decoder, by layer name."""

    encoder: Weights
    decoder: Weights


@dataclass(frozen=True)
class Trained:
    """What a training leaves behind; `quantized` and `spec` are None for a float-only run."""

    input: EncoderInput
    normaliser: Normaliser
    float: Network
    quantized: Network | None
    spec: EncoderSpec | None
    curve: Sequence[Epoch]


def fit(
    train: Floats,
    validation: Floats,
    schema: Schema,
    config: RunConfig,
    checkpoints: Path,
    on_epoch: Callable[[Epoch, int], None],
    provenance: Mapping[str, str],
) -> Trained:
    """Train the autoencoder that `config` describes.

    Parameters
    ----------
    train, validation : ndarray of float32, shape (n_jets, n_variables)
        Jets in physical units.
    schema : Schema
        Their columns.
    config : RunConfig
        Model, quantization and training.
    checkpoints : Path
        Folder to resume from, and to leave checkpoints in.
    on_epoch : callable
        Called with each finished epoch and the number planned in its stage.
    provenance : Mapping
        Goes into the specification.
    """
    tensorflow().keras.utils.set_random_seed(config.training.seed)
    normaliser = Normaliser(config.data.normalisation, schema).fit(train)
    bits = config.quantization.input_bits
    source = fit_input(train, schema, bits, normaliser.logarithmic)
    targets = normaliser.transform(train), normaliser.transform(validation)

    samples = (
        Samples(source.scaled(train), targets[0]),
        Samples(source.scaled(validation), targets[1]),
    )
    trained_float, curve = _fit_float(samples, config, checkpoints, on_epoch)
    if config.quantization.bits is None:
        return Trained(source, normaliser, trained_float, None, None, curve)

    # Batch normalisation is in the weights by now.
    model = config.model.model_copy(update={"batch_norm": False})
    folded = config.model_copy(update={"model": model})
    encoder, start, types = _quantized(trained_float, samples[0].inputs, folded)
    decoder = float_decoder(normaliser.n_columns, model)
    set_dense_weights(decoder, start.decoder)
    samples = (
        Samples(network_inputs(source, train), targets[0]),
        Samples(network_inputs(source, validation), targets[1]),
    )
    if config.model.is_linear:
        encoder.trainable = False
        refit_linear_path(encoder, decoder, samples[0])
    network = tensorflow().keras.Model(encoder.input, decoder(encoder.output))
    curve += _train(network, samples, config, "quantized", checkpoints, on_epoch)
    spec = _specification(encoder, source, types, config, provenance)
    # The words themselves, as numbers: quantizing them again changes nothing.
    on_grid = {x.name: (x.matrix.values, x.bias.values) for x in spec.layers}
    set_dense_weights(encoder, on_grid)
    trained = Network(dense_weights(encoder), dense_weights(decoder))
    return Trained(source, normaliser, trained_float, trained, spec, curve)


def _fit_float(
    samples: tuple[Samples, Samples],
    config: RunConfig,
    checkpoints: Path,
    on_epoch: Callable[[Epoch, int], None],
) -> tuple[Network, list[Epoch]]:
    """Train in floating point."""
    # Imports TensorFlow, which must have been configured.
    from aefpga.trainers.qkeras.latent import regularized_latents

    train, _ = samples
    encoder = float_encoder(train.inputs.shape[1], config.model)
    decoder = float_decoder(train.targets.shape[1], config.model)
    if config.model.is_linear:
        set_best_linear(encoder, decoder, train)
        start = Network(dense_weights(encoder), dense_weights(decoder))
        start = _centre_latents(start, encoder, train.inputs)
        set_dense_weights(encoder, start.encoder)
        set_dense_weights(decoder, start.decoder)
    n_steps = config.training.epochs * (len(train) // batch_size(config.training, len(train)))
    latents = regularized_latents(encoder, config, n_steps)
    network = tensorflow().keras.Model(encoder.input, decoder(latents))
    curve = _train(network, samples, config, "float", checkpoints, on_epoch)
    return Network(dense_weights(encoder), dense_weights(decoder)), curve


def _quantized(
    trained: Network, inputs: Floats, config: RunConfig
) -> tuple[Any, Network, list[LayerTypes]]:
    """Return the QKeras encoder, the weights to start from, and the types chosen for them."""
    encoder = float_encoder(inputs.shape[1], config.model)
    set_dense_weights(encoder, trained.encoder)
    start = _centre_latents(trained, encoder, inputs[:CALIBRATION_JETS])
    set_dense_weights(encoder, start.encoder)
    types = _calibrate(encoder, inputs[:CALIBRATION_JETS], config)
    encoder = quantized_encoder(inputs.shape[1], config.model, types)
    set_dense_weights(encoder, start.encoder)
    return encoder, start, types


def network_inputs(source: EncoderInput, jets: Floats) -> Floats:
    """Return the input words of jets in physical units as the numbers that the network reads."""
    return source.network_type.to_values(source.to_words(jets)).astype(np.float32)


def _train(
    network: Any,
    samples: tuple[Samples, Samples],
    config: RunConfig,
    stage: str,
    checkpoints: Path,
    on_epoch: Callable[[Epoch, int], None],
) -> list[Epoch]:
    training = config.training
    epochs, rate = training.epochs, training.learning_rate
    if stage == "quantized":
        epochs = epochs if training.quantized_epochs is None else training.quantized_epochs
        rate *= QUANTIZED_LEARNING_RATE
    checkpoint = checkpoints / f"{stage}.npz"
    return train_stage(network, *samples, training, stage, epochs, rate, checkpoint, on_epoch)


def _centre_latents(network: Network, encoder: Any, inputs: Floats) -> Network:
    """Shift and scale each latent to fill [-1, 1] and undo that in what reads it.

    The autoencoder computes the same, but one fixed-point type now suits all latents.
    """
    latents = encoder.predict(inputs, batch_size=len(inputs), verbose=0)
    low, high = latents.min(axis=0), latents.max(axis=0)
    middle, half = (high + low) / 2, (high - low) / 2
    # A latent that hardly varies beside the others is not magnified without limit.
    half = np.maximum(half, max(float(half.max()), 1e-30) * LEAST_RANGE).astype(np.float32)
    weight, bias = network.encoder["latent"]
    first, *_ = network.decoder
    reading = {n: network.decoder[n] for n in (first, LINEAR_PATH) if n in network.decoder}
    return Network(
        {**network.encoder, "latent": (weight / half, (bias - middle) / half)},
        network.decoder | {n: (w * half[:, None], b + middle @ w) for n, (w, b) in reading.items()},
    )


def _calibrate(encoder: Any, inputs: Floats, config: RunConfig) -> list[LayerTypes]:
    names = layer_names(config.model)
    outputs = [encoder.get_layer(f"{name}_activation").output for name in names]
    probe = tensorflow().keras.Model(encoder.input, outputs)
    # One output comes as an array, several as a list of them.
    activations = tensorflow().nest.flatten(probe.predict(inputs, len(inputs), verbose=0))
    weights, quantization = dense_weights(encoder), config.quantization
    assert quantization.bits is not None
    bits = {"latent": quantization.latent_bits or quantization.bits}
    return [
        layer_types(
            *weights[name],
            values,
            layer_activation(config.model, name),
            bits.get(name, quantization.bits),
            quantization,
            per_neuron=config.model.is_linear,
        )
        for name, values in zip(names, activations, strict=True)
    ]


def _specification(
    encoder: Any,
    source: EncoderInput,
    types: Sequence[LayerTypes],
    config: RunConfig,
    provenance: Mapping[str, str],
) -> EncoderSpec:
    """Read the integers out of a QKeras encoder, through its own quantizers."""
    layers: list[DenseLayer] = []
    arriving = source.network_type
    for name, fixed in zip(layer_names(config.model), types, strict=True):
        layer = encoder.get_layer(name)
        weight, bias = (
            Tensor(kind.to_words(quantizer(variable).numpy()), kind)
            for kind, quantizer, variable in (
                (fixed.weight, layer.kernel_quantizer_internal, layer.kernel),
                (fixed.bias, layer.bias_quantizer_internal, layer.bias),
            )
        )
        activation = layer_activation(config.model, name)
        shift = config.model.negative_slope_shift if activation == "leaky_relu" else 0
        accumulator = exact_accumulator(arriving, weight, bias)
        layers.append(
            DenseLayer(
                name=name,
                weight=weight,
                bias=bias,
                accumulator=accumulator,
                activation=activation,
                output=fixed.output,
                negative_slope_shift=shift,
            )
        )
        arriving = fixed.output
    return EncoderSpec(source, tuple(layers), provenance)
