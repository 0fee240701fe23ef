"""From jets to a trained autoencoder: in floating point first, then quantization-aware."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.config import ModelConfig, PlacedKernel, RunConfig, placed_kernels
from aefpga.fixedpoint import EncoderInput
from aefpga.networks.network import FloatLayer, Network
from aefpga.normalise import Normaliser
from aefpga.schema import Schema
from aefpga.trainers.calibrate import fit_input, network_inputs
from aefpga.trainers.neighbours import sums_of_neighbours
from aefpga.trainers.qkeras.autoencoder import (
    LINEAR_PATH,
    LOG_VARIANCE,
    LayerWeights,
    dense_weights,
    float_decoder,
    float_encoder,
    layer_activation,
    layer_names,
    quantized_encoder,
    set_dense_weights,
)
from aefpga.trainers.qkeras.backend import tensorflow
from aefpga.trainers.qkeras.linear import (
    Standardisation,
    importance,
    mean_and_spread,
    middle_and_half,
    refit_linear_path,
    set_best_linear,
    shared_bits,
)
from aefpga.trainers.qkeras.path import in_sequence, weights_in_sequence
from aefpga.trainers.qkeras.reference import to_arrays
from aefpga.trainers.qkeras.sparing import spare_weights
from aefpga.trainers.qkeras.sparsity import add_penalty_of_second_pass
from aefpga.trainers.qkeras.specification import (
    LatentBits,
    chosen_types,
    kernel_and_bias,
    specification,
)
from aefpga.trainers.qkeras.training import Samples, batch_size, train_stage
from aefpga.trainers.trainer import Epoch, Floats, Trained
from aefpga.trainers.varied import can_vary, varied

# Kinds whose latents are drawn to a unit normal.
WITH_PRIOR = ("vae", "adversarial")
# Records on which the ranges of the activations are measured.
CALIBRATION_RECORDS = 20_000
# The quantized network starts from a trained one: it needs a smaller step.
QUANTIZED_LEARNING_RATE = 0.5


@dataclass(frozen=True)
class Weights:
    """Trained weights of an encoder and its decoder, by layer name.

    `log_variance`, of variational ones, is the layer beside the latents.
    """

    encoder: LayerWeights
    decoder: LayerWeights
    log_variance: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None


def fit(
    train: Floats,
    validation: Floats,
    schema: Schema,
    config: RunConfig,
    checkpoints: Path,
    on_epoch: Callable[[Epoch, int], None],
    provenance: Mapping[str, str],
) -> Trained:
    """Train the autoencoder that `config` describes; parameters as of `Trainer.fit`."""
    tensorflow().keras.utils.set_random_seed(config.training.seed)
    kernels = placed_kernels(config.model, schema)
    normaliser = Normaliser(config.data.normalisation, schema).fit(train)
    bits = config.quantization.input_bits
    source = fit_input(
        train,
        schema,
        bits,
        normaliser.logarithmic,
        config.model.scale,
        shares=normaliser.is_of_shares,
    )
    weights_of_errors = importance(train) if config.model.has_linear_path else 1.0
    targets = normaliser.transform(train)
    sums = None
    if config.training.loss == "neighbours":
        sums = sums_of_neighbours(normaliser, schema)
    is_positive = bool(kernels) and bool((targets >= 0).all())
    samples = (
        Samples(source.scaled(train), targets, weights_of_errors, sums, is_positive),
        Samples(source.scaled(validation), normaliser.transform(validation)),
    )
    trained_float, latent_bits, curve = _fit_float(samples, kernels, config, checkpoints, on_epoch)
    # Batch normalisation is in the weights by now.
    unnormalised = config.model.model_copy(update={"batch_norm": False})
    model = unnormalised
    if model.linear_path:
        model = in_sequence(model, samples[0].inputs.shape[1])
        layers = weights_in_sequence(trained_float.encoder, source.network_type.signed)
        trained_float = replace(trained_float, encoder=layers)
    layers = {**trained_float.encoder, **trained_float.decoder}
    float_network = as_network(layers, config.model, kernels, is_positive=is_positive)
    log_variance = _log_variance(trained_float, config.model)
    if config.quantization.bits is None:
        return Trained(source, normaliser, float_network, curve, log_variance=log_variance)

    folded = config.model_copy(update={"model": model})
    inputs = samples[0].inputs[:CALIBRATION_RECORDS]
    centred, start = _centred(trained_float, inputs, model, kernels, latent_bits)
    decoder = float_decoder(normaliser.n_columns, unnormalised, kernels)
    set_dense_weights(decoder, start.decoder)
    rounding, weights = None, start.encoder
    samples = (
        replace(samples[0], inputs=network_inputs(source, train)),
        replace(samples[1], inputs=network_inputs(source, validation)),
    )
    if config.model.is_linear and config.model.scale == "range":
        spared = spare_weights(
            start.encoder["latent"],
            decoder,
            source,
            samples,
            (train != 0, validation != 0),
            latent_bits,
            config.quantization,
        )
        rounding, types, weights = spared.report, [spared.types], {"latent": spared.weights}
        set_dense_weights(decoder, spared.decoder)
    else:
        handed_on = source.network_type if config.model.linear_path else None
        types = chosen_types(centred, inputs, handed_on, latent_bits, folded)
    encoder = quantized_encoder(len(schema), model, types, kernels)
    set_dense_weights(encoder, weights)
    vary = None
    if config.model.has_linear_path:
        encoder.trainable = False
        refit_linear_path(encoder, decoder, samples[0])
        # Where words share few bits, pt pays for rare particles: by 5 % at 90 bits.
        if latent_bits is None and can_vary(schema):
            vary = _variations(train, schema, source, normaliser, config.training.seed, samples[0])
    network = _quantized_network(encoder, decoder, config, trained_float.log_variance)
    add_penalty_of_second_pass(network, encoder, decoder, model)
    curve += _train(network, samples, config, "quantized", checkpoints, on_epoch, vary)
    spec = specification(encoder, source, types, kernels, folded, provenance)
    # The words themselves, as numbers: quantizing them again changes nothing.
    set_dense_weights(encoder, {x.name: kernel_and_bias(x) for x in spec.layers})
    return Trained(
        input=source,
        normaliser=normaliser,
        float_network=float_network,
        curve=curve,
        spec=spec,
        decoder=as_network(dense_weights(decoder), config.model, kernels, is_positive=is_positive),
        reference=to_arrays(dense_weights(encoder)),
        rounding=rounding,
        log_variance=log_variance,
    )


def _variations(
    records: Floats,
    schema: Schema,
    source: EncoderInput,
    normaliser: Normaliser,
    seed: int,
    samples: Samples,
) -> Callable[[int], Samples]:
    """Return what makes samples of varied records, whose errors count as those of `samples`."""

    def variation(i: int) -> Samples:
        of_records = varied(records, schema, (seed, i))
        return replace(
            samples,
            inputs=network_inputs(source, of_records),
            targets=normaliser.transform(of_records),
        )

    return variation


def _quantized_network(
    encoder: Any,
    decoder: Any,
    config: RunConfig,
    log_variance: tuple[NDArray[np.float32], NDArray[np.float32]] | None,
) -> Any:
    """Return the autoencoder that trains on words.

    Latents of scale `spread` go on obeying their prior; without that they would drift from it.
    """
    from aefpga.trainers.qkeras.latent import regularized_latents

    keras, latents = tensorflow().keras, encoder.output
    if config.model.scale == "range" or config.model.has_linear_path:
        return keras.Model(encoder.input, decoder(latents))
    network = keras.Model(encoder.input, decoder(regularized_latents(encoder, config, 0)))
    if log_variance is not None:
        network.get_layer(LOG_VARIANCE).set_weights(log_variance)
    return network


def _log_variance(trained: Weights, model: ModelConfig) -> Network | None:
    """Return the network from scaled inputs to the logarithms of the latents' variances."""
    if trained.log_variance is None:
        return None
    hidden = {n: w for n, w in trained.encoder.items() if n != "latent"}
    return as_network({**hidden, LOG_VARIANCE: trained.log_variance}, model)


def _fit_float(
    samples: tuple[Samples, Samples],
    kernels: Sequence[PlacedKernel],
    config: RunConfig,
    checkpoints: Path,
    on_epoch: Callable[[Epoch, int], None],
) -> tuple[Weights, LatentBits, list[Epoch]]:
    """Train in floating point; with the widths of latent words that it expects."""
    # Imports TensorFlow, which must have been configured.
    from aefpga.trainers.qkeras.latent import regularized_latents

    model, latent_bits, scaling = config.model, None, None
    if model.has_linear_path:
        scaling = Standardisation.of(samples[0].inputs)
    elif model.scale == "spread":
        scaling = Standardisation.centring(samples[0].inputs)
    if scaling is not None:
        samples = scaling.applied(samples[0]), scaling.applied(samples[1])
    train, _ = samples
    encoder = float_encoder(train.inputs.shape[1], model, kernels)
    decoder = float_decoder(train.targets.shape[1], model, kernels)
    if model.has_linear_path:
        values = set_best_linear(encoder, decoder, train)
        if model.link_bits is not None:
            latent_bits = shared_bits(values, decoder, model.link_bits)
    n_steps = config.training.epochs * (len(train) // batch_size(config.training, len(train)))
    latents = regularized_latents(encoder, config, n_steps, latent_bits)
    network = tensorflow().keras.Model(encoder.input, decoder(latents))
    add_penalty_of_second_pass(network, encoder, decoder, model)
    curve = _train(network, samples, config, "float", checkpoints, on_epoch)
    weights = dense_weights(encoder)
    if model.kind == "vae":
        weights[LOG_VARIANCE] = tuple(network.get_layer(LOG_VARIANCE).get_weights())
    if scaling is not None:
        reading = [layer_names(model)[0], LINEAR_PATH]
        # Of a variational encoder without hidden layers it reads the inputs, too.
        reading += [] if model.hidden else [LOG_VARIANCE]
        weights |= {n: scaling.folded(*weights[n]) for n in reading if n in weights}
    log_variance = weights.pop(LOG_VARIANCE, None)
    return Weights(weights, dense_weights(decoder), log_variance), latent_bits, curve


def _centred(
    trained: Weights,
    inputs: Floats,
    model: ModelConfig,
    kernels: Sequence[PlacedKernel],
    latent_bits: LatentBits,
) -> tuple[Any, Weights]:
    """Return a float encoder whose latents have their scale, and the weights to start from.

    Words that share the bits of a link have trained with the range that they have.
    """
    encoder = float_encoder(inputs.shape[1], model, kernels)
    set_dense_weights(encoder, trained.encoder)
    if latent_bits is not None:
        return encoder, trained
    start = _centre_latents(trained, encoder, inputs, model)
    set_dense_weights(encoder, start.encoder)
    return encoder, start


def as_network(
    weights: LayerWeights,
    model: ModelConfig,
    kernels: Sequence[PlacedKernel] = (),
    *,
    is_positive: bool = False,
) -> Network:
    """Return trained layers, of an autoencoder or of its decoder, as layers of no framework.

    All are dense: convolutions and their transposes are the matrices that these are. Where
    `is_positive`, what is returned is not below zero.
    """
    # Imports TensorFlow, which must have been configured.
    from aefpga.trainers.qkeras.images import as_matrices

    linear = ("output", LINEAR_PATH, LOG_VARIANCE)
    layers = {}
    for name, (weight, bias) in as_matrices(weights, kernels).items():
        activation = "linear" if name in linear else layer_activation(model, name)
        activation = "relu" if name == "output" and is_positive else activation
        slope = 2.0**-model.negative_slope_shift if activation == "leaky_relu" else 0.0
        layers[name] = FloatLayer(weight, bias, activation, slope)
    linear_path = layers.pop(LINEAR_PATH, None)
    # The decoder begins after the layer that makes the latents, where the network has that.
    latent = list(layers).index("latent") + 1 if "latent" in layers else 0
    first = next(iter(layers.values()))
    scale = np.ones(len(first.weight), np.float32)
    return Network(list(layers.values()), scale, linear_path, latent)


def _train(
    network: Any,
    samples: tuple[Samples, Samples],
    config: RunConfig,
    stage: str,
    checkpoints: Path,
    on_epoch: Callable[[Epoch, int], None],
    vary: Callable[[int], Samples] | None = None,
) -> list[Epoch]:
    training = config.training
    epochs, rate = training.epochs, training.learning_rate
    if stage == "quantized":
        epochs = epochs if training.quantized_epochs is None else training.quantized_epochs
        rate *= QUANTIZED_LEARNING_RATE
    checkpoint = checkpoints / f"{stage}.npz"
    return train_stage(network, *samples, training, stage, epochs, rate, checkpoint, on_epoch, vary)


def _centre_latents(weights: Weights, encoder: Any, inputs: Floats, model: ModelConfig) -> Weights:
    """Shift and scale each latent to fill [-1, 1] and undo that in what reads it.

    The autoencoder computes the same, but one fixed-point type now suits all latents. What has
    passed a ReLU is scaled only. Of scale `spread` the mean comes to 0 and the deviation to
    1, or both stay what a prior has made of them.
    """
    if model.scale == "spread" and model.kind in WITH_PRIOR:
        return weights
    latents = encoder.predict(inputs, batch_size=len(inputs), verbose=0)
    middle, half = (mean_and_spread if model.scale == "spread" else middle_and_half)(latents)
    if model.latent_activation != "linear":
        middle, half = 0 * middle, half + np.abs(middle)
    weight, bias = weights.encoder["latent"]
    first, *_ = weights.decoder
    reading = {n: weights.decoder[n] for n in (first, LINEAR_PATH) if n in weights.decoder}
    return Weights(
        {**weights.encoder, "latent": (weight / half, (bias - middle) / half)},
        weights.decoder | {n: (w * half[:, None], b + middle @ w) for n, (w, b) in reading.items()},
    )
