"""Penalties that make an encoder sparse, as textbooks write them and as the study's code has them.

The textbooks' act on each hidden neuron of the encoder: an L1 norm summed over the neurons, or the
divergence of a neuron's mean activation from a target. The study's act on a second pass through all
dense layers, decoder, latent and output included, and take a mean over the units first.
"""

from collections.abc import Sequence
from typing import Any

from aefpga.config import ModelConfig
from aefpga.trainers.qkeras.backend import tensorflow


def penalty_of_neurons(layer: str, model: ModelConfig) -> Any:
    """Return the textbooks' penalty on the outputs of an encoder's layer, or None.

    Latents have none; nor has the decoder, which is no firmware. It is a Keras regularizer: Keras
    divides what it returns by the number of jets in the batch.
    """
    if layer == "latent" or model.penalty_rule == "study":
        return None
    if model.kind == "sparse-l1":
        return tensorflow().keras.regularizers.L1(model.penalty)
    if model.kind == "sparse-kl":
        return _divergence_of_neurons(model.target_activation, model.penalty)
    return None


def _divergence_of_neurons(target: float, weight: float) -> Any:
    """Return the divergence of each neuron's mean activation from a target, summed.

    A. Ng, Sparse autoencoder (CS294A lecture notes, Stanford 2011): activations are taken for
    probabilities; those of a ReLU are clipped below one.
    """
    tf = tensorflow()

    def regularizer(activations: Any) -> Any:
        mean = tf.clip_by_value(tf.reduce_mean(activations, axis=0), 1e-4, 1.0 - 1e-4)
        n_jets = tf.cast(tf.shape(activations)[0], activations.dtype)
        return weight * n_jets * tf.reduce_sum(_divergence(target, mean))

    return regularizer


def add_penalty_of_second_pass(
    network: Any, encoder: Any, decoder: Any, model: ModelConfig
) -> None:
    """Add the study's penalty, where the model has it, to the loss that an autoencoder trains on.

    Parameters
    ----------
    network : keras.Model
        The autoencoder.
    encoder, decoder : keras.Model
        Its halves; the encoder begins where the network does.
    model : ModelConfig
        Kind and weight of the penalty.
    """
    if model.penalty_rule == "study" and model.kind.startswith("sparse"):
        layers = [*_dense_layers(encoder), *_dense_layers(decoder)]
        network.add_loss(model.penalty * second_pass(layers, encoder.input, model))


def second_pass(layers: Sequence[Any], inputs: Any, model: ModelConfig) -> Any:
    """Return the study's penalty, without its weight, of one batch.

    L1: each layer's output passes a ReLU; the mean over jets and units, summed over the layers. KL:
    nothing between the layers; the divergence from the target of the mean over the units of each
    output's sigmoid, one number a jet, summed over jets and layers: it grows with the batch.

    Parameters
    ----------
    layers : sequence of callables
        The dense layers in order, without activations.
    inputs : tensor of shape (n_jets, n_inputs)
        What the network reads.
    model : ModelConfig
        Kind and target.
    """
    tf = tensorflow()
    terms, x = [], inputs
    for layer in layers:
        x = layer(x)
        if model.kind == "sparse-l1":
            x = tf.nn.relu(x)
            terms.append(tf.reduce_mean(x))
        else:
            mean = tf.reduce_mean(tf.sigmoid(x), axis=1)
            # A float32 that saturates must not end a training.
            mean = tf.clip_by_value(mean, 1e-6, 1.0 - 1e-6)
            terms.append(tf.reduce_sum(_divergence(model.target_activation, mean)))
    return tf.add_n(terms)


def _divergence(target: float, mean: Any) -> Any:
    """Return the Kullback-Leibler divergence of Bernoulli variables from one of mean `target`."""
    log = tensorflow().math.log
    return target * log(target / mean) + (1 - target) * log((1 - target) / (1 - mean))


def _dense_layers(network: Any) -> list[Any]:
    # QKeras's are Keras's, with quantizers.
    return [x for x in network.layers if isinstance(x, tensorflow().keras.layers.Dense)]
