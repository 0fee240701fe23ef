"""Keras models made by the tests, and their own predictions."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """QKeras models saved in files, by name: paths, and the models themselves."""
    pytest.importorskip("qkeras", reason="QKeras models need the extra `train`")
    from aefpga.trainers.qkeras.backend import tensorflow

    keras = tensorflow().keras
    import qkeras
    from qkeras import QActivation, QDense, quantized_bits, quantized_relu

    layers, rng = keras.layers, np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("models")

    def randomised(model):
        for layer in model.layers:
            weights = layer.get_weights()
            if layer.__class__.__name__ == "BatchNormalization":
                # The factors are 2 / sqrt(0.25) and 1 / sqrt(4).
                given = [2, 1, 2, 1], [0.5, 0, -1, 0.25], [0.25, 1, 0, -2], [0.25, 4, 0.25, 4]
                layer.set_weights([x[: layer.gamma.shape[0]] for x in map(np.array, given)])
            else:
                layer.set_weights([rng.normal(0, 0.6, w.shape) for w in weights])
        return model

    def po2():
        """Scales of every neuron, weights that are powers of two, a leaky ReLU, pruned weights."""
        model = randomised(keras.Sequential([
            layers.Input((6,)),
            QActivation(quantized_bits(8, 3, alpha=1)),
            QDense(7, kernel_quantizer=quantized_bits(6, 0, alpha="auto_po2"),
                   bias_quantizer=quantized_bits(6, 1, alpha=1), name="fc1"),
            QActivation(quantized_relu(6, 2)),
            QDense(5, kernel_quantizer=qkeras.quantized_po2(4, 2),
                   bias_quantizer=quantized_bits(6, 1, alpha=1),
                   activation=quantized_relu(8, 6, negative_slope=0.25), name="fc2"),
            layers.Dropout(0.1),
            QDense(3, kernel_quantizer=quantized_bits(5, 0, alpha=1), use_bias=False, name="out"),
        ]))  # fmt: skip
        kernel, bias = model.get_layer("fc1").get_weights()
        model.get_layer("fc1").set_weights([kernel * (rng.random(kernel.shape) < 0.5), bias])
        return model

    def halves():
        """A functional model of few bits: half of its roundings are of halves."""
        inputs = keras.Input((4,))
        x = QActivation("quantized_bits(4,1)")(inputs)
        for name, n in (("a", 6), ("b", 6)):
            x = QDense(n, kernel_quantizer=quantized_bits(3, 0, alpha=1),
                       bias_quantizer=quantized_bits(3, 0, alpha=1), name=name)(x)  # fmt: skip
            x = layers.Activation("relu")(x) if name == "b" else x
            x = QActivation(f"quantized_bits(4,{2 + (name == 'b')})", name=f"{name}_words")(x)
        x = QDense(2, kernel_quantizer="quantized_bits(3,0,alpha=0.5)", use_bias=False)(x)
        x = QActivation(quantized_bits(5, 2, alpha=1))(x)
        return randomised(keras.Model(inputs, x))

    def normalised():
        """A batch normalisation that is exact, ternary and binary weights, a ReLU unrounded."""
        return randomised(keras.Sequential([
            layers.Input((3,)),
            QDense(4, kernel_quantizer=qkeras.ternary(alpha=1), use_bias=False, name="fc1"),
            layers.BatchNormalization(epsilon=0.0, name="norm"),
            layers.ReLU(),
            QDense(3, kernel_quantizer=qkeras.binary(alpha=1),
                   bias_quantizer=quantized_bits(6, 2, alpha=1), name="fc2"),
            layers.LeakyReLU(0.125),
            QActivation(quantized_bits(7, 4, alpha=1), name="words"),
        ]))  # fmt: skip

    def convolved():
        """Two convolutions, one padded and with strides, one normalised; and a dense layer."""
        weights = {"bias_quantizer": quantized_bits(6, 1, alpha=1)}
        return randomised(keras.Sequential([
            layers.Input((6, 5, 2)),
            QActivation(quantized_bits(6, 2, alpha=1)),
            qkeras.QConv2D(3, (3, 2), kernel_quantizer=quantized_bits(5, 0, alpha="auto_po2"),
                           strides=(2, 1), padding="same", activation=quantized_relu(6, 2),
                           name="conv1", **weights),
            qkeras.QConv2D(2, (2, 3), kernel_quantizer=quantized_bits(4, 0, alpha=1),
                           name="conv2", **weights),
            layers.BatchNormalization(epsilon=0.0),
            QActivation(quantized_relu(6, 2)),
            layers.Flatten(),
            QDense(3, kernel_quantizer=quantized_bits(4, 0, alpha=1), use_bias=False, name="out"),
        ]))  # fmt: skip

    found = {}
    for make, suffix in (
        (po2, ".keras"),
        (halves, ".keras"),
        (normalised, ".h5"),
        (convolved, ".keras"),
    ):
        path, model = folder / f"{make.__name__}{suffix}", make()
        model.save(path)
        found[make.__name__] = path, model
    found["po2"][1].save(folder / "po2.h5")
    return found
