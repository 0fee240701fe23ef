"""What every trainer takes and leaves behind, in no framework's terms."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aefpga.config import RunConfig
from aefpga.firmware.agreement import Computation
from aefpga.fixedpoint import EncoderInput, EncoderSpec
from aefpga.links.decoder import ModuloDecoder
from aefpga.networks.network import Network
from aefpga.normalise import Normaliser
from aefpga.schema import Schema

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Epoch:
    """One line of the learning curve; losses are mean squared errors in normalised units.

    `loss` is taken while the epoch trains and includes the sparsity penalty where there is one;
    `validation_loss` is the plain mean squared error.
    """

    stage: str
    epoch: int
    loss: float
    validation_loss: float
    seconds: float


@dataclass(frozen=True)
class Trained:
    """What a training leaves behind; it is quantized if there is a specification.

    Parameters
    ----------
    input : EncoderInput
        How records enter the encoder.
    normaliser : Normaliser
        Of what the networks return.
    float_network : Network or None
        Encoder and decoder in floating point: what `input.scaled` returns, to normalised variables;
        None of words that are integers from the start.
    curve : sequence of Epoch
        The learning curve, of all stages; at least one epoch.
    spec : EncoderSpec or None
        The fixed-point encoder.
    decoder : Network, ModuloDecoder or None
        From the numbers that its latent words stand for to normalised variables; or from modulo
        words to records.
    reference : Mapping of str to ndarray
        What the trainer's reference computation needs besides the specification.
    front : Mapping or None
        Other encoders that the training could have ended with, and what they cost; JSON content.
    rounding : Mapping or None
        How the integers of the weights were chosen, and what they cost; JSON content.
    log_variance : Network or None
        Of a variational encoder in floating point: what `input.scaled` returns, to the logarithms
        of the latents' variances.
    """

    input: EncoderInput
    normaliser: Normaliser
    float_network: Network | None
    curve: Sequence[Epoch]
    spec: EncoderSpec | None = None
    decoder: Network | ModuloDecoder | None = None
    reference: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    front: Mapping[str, Any] | None = None
    rounding: Mapping[str, Any] | None = None
    log_variance: Network | None = None

    def __post_init__(self) -> None:
        if (self.spec is None) != (self.decoder is None):
            raise ValueError("a specification has a decoder, and a decoder a specification")
        if self.float_network is None and self.spec is None:
            raise ValueError("neither a float network nor a specification")
        if not self.curve:
            raise ValueError("a training has at least one epoch")


class Trainer(Protocol):
    """Turns records and a configuration into an autoencoder.

    Whatever it needs (packages, settings in the environment) it imports and sets up when one of
    these is called; raises ToolError where that is not installed.
    """

    # As `training.trainer` in a configuration; and what people call it.
    name: str
    title: str

    def fit(
        self,
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
        train, validation : ndarray of float32, shape (n_records, n_variables)
            Records in physical units.
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
        ...

    def reference(self, weights: Path, spec: EncoderSpec, config: RunConfig) -> Computation:
        """Return the trainer's own computation of the quantized encoder.

        Parameters
        ----------
        weights : Path
            A NumPy archive of what `Trained.reference` held.
        spec, config : EncoderSpec, RunConfig
            Of the same run.
        """
        ...
