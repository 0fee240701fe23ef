"""A Keras model built again from checked numbers and texts: the original's own `predict`.

Keras's own loaders import and call what a file names; here only the classes below are made, with
arguments that were looked at.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from aefpga.errors import AefpgaError
from aefpga.fixedpoint import Convolution, Emulator, EncoderSpec
from aefpga.fixedpoint.example import adversarial_words, random_words
from aefpga.fixedpoint.layers import MAX_NEURONS
from aefpga.importing.chain import Comparison, check_size
from aefpga.importing.keras_file import KerasLayer, KerasModel
from aefpga.importing.quantizers import Quantizer, read_quantizer, read_rounding
from aefpga.importing.refusal import Refusal
from aefpga.trainers.qkeras.backend import tensorflow

# Layers that do nothing when a model predicts.
IDLE = ("Dropout", "GaussianDropout", "GaussianNoise", "SpatialDropout2D", "ActivityRegularization")
PLAIN = ("linear", "relu")
BATCH = 4096
PREDICT = "Keras's predict of the same layers and weights, in float32"


def build(model: KerasModel) -> Any:
    """Return a Keras model of known layers, with the file's weights.

    Raises
    ------
    Refusal
        If a layer is not known, says something that is not, or its weights do not fit.
    ToolError
        If TensorFlow and QKeras are not installed.
    """
    keras = tensorflow().keras
    built = keras.Sequential([keras.layers.InputLayer(model.shape)])
    for layer in model.layers:
        check_weights(layer)
        if (arriving := prod(built.output_shape[1:])) > MAX_NEURONS:
            raise Refusal(layer.where, f"{arriving:,} words arrive; at most {MAX_NEURONS:,} can")
        try:
            made = _make(layer, built.output_shape[1:])
            built.add(made)
            made.set_weights(layer.weights)
        except AefpgaError:
            raise
        except Exception as error:  # Keras and QKeras raise, and assert, what comes
            first = str(error).partition("\n")[0][:200]
            raise Refusal(
                layer.where, f"Keras cannot make it, or its weights do not fit: {first}"
            ) from error
    return built


def compare(built: Any, shape: tuple[int, ...], spec: EncoderSpec) -> Comparison:
    """Return how many words of an encoder are those that the model predicts, in float32."""
    words = np.concatenate([adversarial_words(spec), random_words(spec)])
    values = spec.input.network_type.to_values(words).astype(np.float32)
    found = built.predict(values.reshape(-1, *shape), batch_size=BATCH, verbose=0)
    expected = np.reshape(found, (len(words), -1)).astype(np.float64)
    equal = spec.latent_type.to_values(Emulator(spec)(words)) == expected
    return Comparison(PREDICT, equal.size, int(equal.sum()))


def activation_of(layer: KerasLayer) -> Quantizer | str | None:
    """Return the activation of a layer: a quantizer, or the name of one of Keras's own.

    Raises
    ------
    Refusal
        If it is neither, or has no exact words.
    """
    content = layer.config.get("activation")
    if content in (None, "linear"):
        return None
    if isinstance(content, str) and content.isidentifier() and not content.startswith("quantized"):
        if content not in PLAIN:
            raise Refusal(
                layer.where,
                f"its activation {content} has no exact words; end the model before it, or use "
                "quantized_relu or quantized_bits",
            )
        return content
    quantizer = read_quantizer(layer.where, content)
    if quantizer is not None:
        # QKeras asserts some of what is refused there.
        read_rounding(layer.where, quantizer)
    return quantizer


def quantizer_of(layer: KerasLayer, name: str) -> Quantizer | None:
    """Return a quantizer of weights by its name in the file; as `read_quantizer`."""
    quantizer = read_quantizer(layer.where, layer.config.get(name))
    if quantizer is not None:
        quantizer.check_weights(layer.where)
    return quantizer


def check_weights(layer: KerasLayer) -> None:
    """Refuse numbers that are not finite, and shapes that are not those of the layer's kind."""
    for weights in layer.weights:
        if not np.isfinite(weights).all():
            raise Refusal(layer.where, "there are weights that are not finite")
    if layer.kind not in ("Dense", "QDense", "Conv2D", "QConv2D"):
        return
    n = 2 if layer.kind.endswith("Dense") else 4
    if not layer.weights or layer.weights[0].ndim != n:
        raise Refusal(layer.where, f"its first weights are no kernel of {n} dimensions")
    kernel = layer.weights[0].shape
    check_size(layer.name, prod(kernel[:-1]), kernel[-1])


def leaky_slope(layer: KerasLayer) -> float:
    """Return the slope of a LeakyReLU, which Keras 2 and 3 call by other names."""
    slope = layer.config.get("negative_slope", layer.config.get("alpha"))
    if not isinstance(slope, int | float):
        raise Refusal(layer.where, f"a slope of {str(slope)[:40]}")
    return float(slope)


def _make(layer: KerasLayer, arriving: tuple[int, ...]) -> Any:
    if layer.kind in ("Conv2D", "QConv2D"):
        return _convolution(layer, arriving)
    if layer.kind in IDLE:
        return tensorflow().keras.layers.Activation("linear")
    if layer.kind not in _MAKERS:
        raise Refusal(
            layer.where,
            f"it is not known here; {', '.join((*_MAKERS, 'QConv2D', *IDLE))} are. Of wrappers "
            "for pruning, strip_pruning(model) leaves the model",
        )
    return _MAKERS[layer.kind](layer)


def _quantizer(quantizer: Quantizer | str | None) -> Any:
    import qkeras

    if not isinstance(quantizer, Quantizer):
        return quantizer
    return getattr(qkeras, quantizer.kind)(**quantizer.options)


def _products(layer: KerasLayer) -> dict[str, Any]:
    """Return the arguments that dense layers and convolutions share."""
    shared = {
        "use_bias": bool(layer.config.get("use_bias", True)),
        "activation": _quantizer(activation_of(layer)),
    }
    if layer.kind.startswith("Q"):
        for name in ("kernel_quantizer", "bias_quantizer"):
            shared[name] = _quantizer(quantizer_of(layer, name))
    return shared


def _dense(layer: KerasLayer) -> Any:
    import qkeras

    kind = qkeras.QDense if layer.kind == "QDense" else tensorflow().keras.layers.Dense
    return kind(layer.weights[0].shape[1], **_products(layer))


def convolution_of(layer: KerasLayer, image: tuple[int, ...]) -> Convolution:
    """Return where a kernel is put on an image; Refusal if that is not known, or too much."""
    config = layer.config
    known = {"data_format": "channels_last", "groups": 1, "dilation_rate": [1, 1]}
    for name, value in known.items():
        if config.get(name, value) != value:
            raise Refusal(layer.where, f"{name}={str(config[name])[:40]}; only {value} is known")
    strides, padding = config.get("strides", [1, 1]), config.get("padding", "valid")
    if not isinstance(strides, list) or len(image) != 3:
        raise Refusal(layer.where, f"strides {str(strides)[:40]} on words of shape {image}")
    try:
        found = Convolution((image[0], image[1], image[2]), tuple(strides), padding)
        found.shape(layer.weights[0].shape)
    except ValueError as error:
        raise Refusal(layer.where, str(error)) from error
    return found


def _convolution(layer: KerasLayer, arriving: tuple[int, ...]) -> Any:
    import qkeras

    found = convolution_of(layer, arriving)
    kind = qkeras.QConv2D if layer.kind == "QConv2D" else tensorflow().keras.layers.Conv2D
    *size, _, filters = layer.weights[0].shape
    return kind(
        filters, tuple(size), strides=found.strides, padding=found.padding, **_products(layer)
    )


def _activation(layer: KerasLayer) -> Any:
    import qkeras

    activation = activation_of(layer)
    if isinstance(activation, Quantizer):
        return qkeras.QActivation(_quantizer(activation))
    return tensorflow().keras.layers.Activation(activation or "linear")


def _relu(layer: KerasLayer) -> Any:
    for name in ("max_value", "negative_slope", "threshold"):
        if layer.config.get(name):
            raise Refusal(layer.where, f"{name}={layer.config[name]!r:.40}; a plain ReLU has none")
    return tensorflow().keras.layers.ReLU()


def _leaky_relu(layer: KerasLayer) -> Any:
    return tensorflow().keras.layers.LeakyReLU(leaky_slope(layer))


def _batch_normalisation(layer: KerasLayer) -> Any:
    config: Mapping[str, Any] = layer.config
    epsilon = config.get("epsilon", 1e-3)
    if not isinstance(epsilon, int | float) or not 0 <= epsilon <= 1:
        raise Refusal(layer.where, f"epsilon={str(epsilon)[:40]}")
    flags = {name: bool(config.get(name, True)) for name in ("center", "scale")}
    if len(layer.weights) != 2 + sum(flags.values()) or any(w.ndim != 1 for w in layer.weights):
        raise Refusal(layer.where, "its weights are not those of its mean and variance")
    return tensorflow().keras.layers.BatchNormalization(epsilon=epsilon, **flags)


def _flatten(layer: KerasLayer) -> Any:
    if layer.config.get("data_format", "channels_last") != "channels_last":
        raise Refusal(layer.where, "only channels_last is known")
    return tensorflow().keras.layers.Flatten()


_MAKERS: dict[str, Callable[[KerasLayer], Any]] = {
    "QDense": _dense,
    "QActivation": _activation,
    "Dense": _dense,
    "Activation": _activation,
    "ReLU": _relu,
    "LeakyReLU": _leaky_relu,
    "BatchNormalization": _batch_normalisation,
    "Flatten": _flatten,
}
