"""What stands between encoder and decoder while the float network trains, and vanishes afterwards.

A sampling for variational autoencoders, a discriminator for adversarial, noise for a linear path.
The firmware computes the encoder's own output, which is the mean for the variational one.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from aefpga.config import RunConfig
from aefpga.trainers.qkeras.autoencoder import LOG_VARIANCE

DISCRIMINATOR_UNITS = 64


def regularized_latents(
    encoder: Any, config: RunConfig, n_steps: int, latent_bits: NDArray[np.int64] | None = None
) -> Any:
    """Return the tensor that the decoder reads in training, with the model's penalty attached.

    Parameters
    ----------
    encoder : keras.Model
        Float encoder.
    config : RunConfig
        Kind of model, weight of the penalty, bits of the latent words, seed.
    n_steps : int
        Length of the training in batches.
    latent_bits : ndarray of int64, shape (n_latent,), or None
        A width for each latent word; None is that of the configuration.
    """
    model, training, quantization = config.model, config.training, config.quantization
    if model.kind == "vae":
        hidden = encoder.layers[-3].output if model.hidden else encoder.input
        spread = tf.keras.layers.Dense(model.n_latent, name=LOG_VARIANCE)(hidden)
        is_sum = model.penalty_rule == "study"
        warm_up_steps = 0.0 if is_sum else model.warm_up * n_steps
        sampling = Sampling(model.penalty, warm_up_steps, training.seed, is_sum=is_sum)
        return sampling([encoder.output, spread])
    if model.kind == "adversarial":
        return Discriminator(model.penalty, training.seed)(encoder.output)
    if model.has_linear_path and quantization.bits is not None:
        bits = quantization.widths.latent if latent_bits is None else latent_bits
        return QuantizationNoise(bits, training.seed)(encoder.output)
    return encoder.output


class Sampling(tf.keras.layers.Layer):  # type: ignore[misc]
    """z = mean + exp(log_variance / 2) * noise, and the divergence from a unit normal.

    Kingma and Welling, arXiv:1312.6114, eq. 10 for the divergence. Its weight grows linearly
    from 0 during the warm-up (Sønderby et al., arXiv:1602.02282), without which the latents
    collapse onto the prior before the decoder has learned to use them. It is a mean over jets, as
    the reconstruction's error is, unless `is_sum`: the study's code adds it up.
    """

    def __init__(self, weight: float, warm_up_steps: float, seed: int, *, is_sum: bool) -> None:
        super().__init__(name="sampling")
        self._weight, self._warm_up, self._seed = weight, max(warm_up_steps, 1.0), seed
        self._over_jets = tf.reduce_sum if is_sum else tf.reduce_mean

    def build(self, shapes: Any) -> None:
        """Make the counter of training steps."""
        self.step = self.add_weight("step", (), tf.int32, "zeros", trainable=False)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return a sample of each latent in training, the mean otherwise."""
        mean, log_variance = inputs
        if not training:
            return mean
        divergence = tf.square(mean) + tf.exp(log_variance) - 1.0 - log_variance
        grown = tf.minimum(tf.cast(self.step, tf.float32) / self._warm_up, 1.0)
        per_jet = 0.5 * tf.reduce_sum(divergence, axis=1)
        self.add_loss(self._weight * grown * self._over_jets(per_jet))
        # Counted, not drawn from a global state: a resumed training goes on with the same.
        self.step.assign_add(1)
        noise = tf.random.stateless_normal(tf.shape(mean), [self._seed, self.step])
        return mean + tf.exp(0.5 * log_variance) * noise


class Discriminator(tf.keras.layers.Layer):  # type: ignore[misc]
    """Learns to tell latents from a unit normal, while the encoder learns to fool it.

    Makhzani et al., arXiv:1511.05644, with both steps in one: the discriminator's loss does not
    reach the encoder, the encoder's does not reach the discriminator.
    """

    def __init__(self, weight: float, seed: int) -> None:
        super().__init__(name="discriminator")
        self._weight, self._seed = weight, seed

    def build(self, shape: Any) -> None:
        """Make the discriminator's weights and the counter of training steps."""
        n, units = int(shape[-1]), DISCRIMINATOR_UNITS
        shapes = {"first": (n, units), "second": (units, units), "score": (units, 1)}
        self._layers = [
            (
                self.add_weight(f"{k}_kernel", s),
                self.add_weight(f"{k}_bias", s[1:], None, "zeros"),
            )
            for k, s in shapes.items()
        ]
        self.step = self.add_weight("step", (), tf.int32, "zeros", trainable=False)

    def call(self, latents: Any, training: bool = False) -> Any:
        """Return the latents as they are; in training, add both losses."""
        if not training:
            return latents
        self.step.assign_add(1)
        prior = tf.random.stateless_normal(tf.shape(latents), [self._seed, self.step])
        real, false = self._scores(prior), self._scores(tf.stop_gradient(latents))
        telling = tf.reduce_mean(tf.nn.softplus(-real) + tf.nn.softplus(false))
        fooling = tf.reduce_mean(tf.nn.softplus(-self._scores(latents, tf.stop_gradient)))
        # Adam does not mind the scale of the discriminator's own gradients.
        self.add_loss(self._weight * (telling + fooling))
        return latents

    def _scores(self, x: Any, weights: Any = tf.identity) -> Any:
        *hidden, (kernel, bias) = self._layers
        for hidden_kernel, hidden_bias in hidden:
            x = tf.nn.leaky_relu(x @ weights(hidden_kernel) + weights(hidden_bias))
        return x @ weights(kernel) + weights(bias)


class QuantizationNoise(tf.keras.layers.Layer):  # type: ignore[misc]
    """Rounds latents within [-1, 1] as their words will be; in training, noise stands for that.

    Ballé, Laparra and Simoncelli, arXiv:1611.01704, eq. 14: uniform noise instead of rounding
    leaves a gradient, and no information can hide below a word's last bit. Validation rounds, lest
    the best epoch be one that has not yet learned what survives.
    """

    def __init__(self, bits: int | NDArray[np.int64], seed: int) -> None:
        super().__init__(name="quantization_noise")
        self._half, self._seed = np.float32(2.0) ** -np.asarray(bits, np.float32), seed

    def build(self, shape: Any) -> None:
        """Make the counter of training steps."""
        self.step = self.add_weight("step", (), tf.int32, "zeros", trainable=False)

    def call(self, latents: Any, training: bool = False) -> Any:
        """Return the latents rounded; in training, with noise."""
        if not training:
            words = tf.floor(latents / (2 * self._half) + 0.5)
            largest = 0.5 / self._half
            return tf.clip_by_value(words, -largest, largest - 1.0) * 2 * self._half
        self.step.assign_add(1)
        seed = [self._seed, self.step]
        noise = tf.random.stateless_uniform(tf.shape(latents), seed, -1.0, 1.0)
        return tf.clip_by_value(latents, -1.0, 1.0) + self._half * noise
