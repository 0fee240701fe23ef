"""`EncoderSpec`: everything that the firmware of an encoder computes, in integers.

This is what a training leaves behind and what emulator, RTL, HLS project, compressor and reports
start from. On disk it is `encoder.json` (types, shapes, digests, content hash) beside `encoder.npz`
(the integer words); see `docs/encoder_spec.md`.
"""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import DataError, RunError
from aefpga.files import atomic_path, write_json
from aefpga.fixedpoint.compand import compand, expand
from aefpga.fixedpoint.types import EXACT_BITS, FixedType, smallest_type

SCHEMA_VERSION = 2

Activation = Literal["linear", "relu", "leaky_relu"]


@dataclass(frozen=True)
class Tensor:
    """Integer words with their fixed-point type."""

    words: NDArray[np.int64]
    type: FixedType

    def __post_init__(self) -> None:
        if not self.type.holds(self.words):
            raise ValueError(f"words outside the range of {self.type}")

    @property
    def values(self) -> NDArray[np.float64]:
        """The numbers that the words stand for."""
        return self.type.to_values(self.words)


@dataclass(frozen=True)
class EncoderInput:
    """The jet variables on the firmware's input port.

    A quantity is first put on the linear grid declared by `type` (one type for each variable).
    Where `mantissa` is negative those are the words, and the network reads their very bits as the
    number ``quantity * 2**-exponent``, which lies within [-1, 1]: a shift of the binary point that
    costs no logic. Elsewhere the words are companded (`compand.py`) to a logarithmic scale, and
    the network reads them as numbers within [0, 1).

    Parameters
    ----------
    variables : tuple of str
        Names, in the order of the ports.
    units : tuple of str
        Their physical units.
    type : FixedType
        Type of the physical quantities, one for each variable.
    exponent : ndarray of int64, shape (n_variables,)
        Binary exponent of the scale of each variable.
    mantissa : ndarray of int64, shape (n_variables,)
        Bits of mantissa of the companded scale, at least 1; -1 for a linear one.
    """

    variables: tuple[str, ...]
    units: tuple[str, ...]
    type: FixedType
    exponent: NDArray[np.int64]
    mantissa: NDArray[np.int64]

    def __post_init__(self) -> None:
        if np.any(self.is_companded & (self.type.signed | (self.mantissa == 0))):
            raise ValueError("companding needs quantities without sign, and a bit of mantissa")

    @property
    def is_companded(self) -> NDArray[np.bool_]:
        """Which variables are on a logarithmic scale."""
        return self.mantissa >= 0

    @property
    def network_type(self) -> FixedType:
        """Type of the words as the network reads them."""
        linear = self.type.shifted(-self.exponent).broadcast(self.mantissa.shape)
        largest = compand(np.maximum(self.type.max_word, 0), np.maximum(self.mantissa, 1))
        bits = np.frexp(np.floor(largest))[1]
        return FixedType(
            linear.signed,
            np.where(self.is_companded, bits, linear.width),
            np.where(self.is_companded, 0, linear.integer),
            linear.rounding,
            linear.overflow,
        )

    @property
    def max_word(self) -> NDArray[np.int64]:
        """Largest word of each variable that a quantity can have."""
        return self._words(self.type.max_word)

    def to_counts(self, words: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """Return the least linear words, on the grid of `type`, whose input words these are."""
        linear = expand(np.where(self.is_companded, words, 0), np.maximum(self.mantissa, 1))
        return np.where(self.is_companded, linear, words).astype(np.int64)

    def _words(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.floor(self._scale(counts)).astype(np.int64)

    def scaled(self, jets: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Return what the network reads if nothing is rounded: the float model's inputs."""
        return (self._scale(jets / self.type.lsb) * self.network_type.lsb).astype(np.float32)

    def _scale(self, counts: NDArray[Any]) -> NDArray[np.float64]:
        companded = compand(np.maximum(counts, 0), np.maximum(self.mantissa, 1))
        return np.where(self.is_companded, companded, counts)

    def to_words(self, jets: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """Quantize jets in physical units, shape (n_jets, n_variables), to input words.

        Raises
        ------
        DataError
            If a value is NaN or infinite.
        """
        if jets.ndim != 2 or jets.shape[1] != len(self.variables):
            raise DataError(
                f"the encoder takes {len(self.variables)} variables a jet, found an array of shape "
                f"{jets.shape}; expected the columns {', '.join(self.variables)}"
            )
        finite = np.isfinite(jets).all(axis=0)
        if not finite.all():
            column = self.variables[int(np.argmin(finite))]
            raise DataError(f"NaN or infinity in {column}; remove these jets before encoding")
        return self._words(self.type.to_words(jets))

    def outside(self, jets: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """Return which values the input type cannot hold, shape (n_jets, n_variables).

        A value within half a step of the range's end rounds to the end and is none of them.
        """
        half = self.type.lsb / 2
        return np.asarray((jets < self.type.min - half) | (jets >= self.type.max + half))

    def saturated(self, jets: NDArray[np.floating[Any]]) -> dict[str, int]:
        """Count, for each variable with any, the jets whose value the input type cannot hold."""
        counts = self.outside(jets).sum(axis=0)
        return {v: int(n) for v, n in zip(self.variables, counts, strict=True) if n}

    def to_config(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return {
            "variables": list(self.variables),
            "units": list(self.units),
            "type": self.type.to_config(),
            "exponent": self.exponent.tolist(),
            "mantissa": self.mantissa.tolist(),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "EncoderInput":
        """Build the input from what `to_config` returns."""
        return cls(
            variables=tuple(config["variables"]),
            units=tuple(config["units"]),
            type=FixedType.from_config(config["type"]),
            exponent=np.asarray(config["exponent"], np.int64),
            mantissa=np.asarray(config["mantissa"], np.int64),
        )


@dataclass(frozen=True)
class DenseLayer:
    """``output = quantize(activation(input @ weight + bias))``.

    The sum is exact in `accumulator`; then comes the activation, and last the one rounding and
    saturation, into `output`. A leaky ReLU multiplies negative sums by ``2**-negative_slope_shift``
    exactly (a shift; no bit is dropped before the output's rounding).
    """

    name: str
    weight: Tensor
    bias: Tensor
    accumulator: FixedType
    activation: Activation
    output: FixedType
    negative_slope_shift: int = 0

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        return int(self.weight.words.shape[0])

    @property
    def n_out(self) -> int:
        """Number of outputs (neurons)."""
        return int(self.weight.words.shape[1])


def exact_accumulator(source: FixedType, weight: Tensor, bias: Tensor) -> FixedType:
    """Return the type that holds every partial sum of ``source @ weight + bias`` without loss.

    Worst case over all inputs by interval arithmetic; one type for the layer.

    Raises
    ------
    ValueError
        If it needs more than 53 bits, beyond which float64 arithmetic would not be exact.
    """
    matrix, n_in = weight.values, weight.words.shape[0]
    low, high = (np.broadcast_to(v, n_in)[:, None] for v in (source.min, source.max))
    # Partial sums in any order, with or without the bias, lie between these two.
    least = np.minimum(np.minimum(low * matrix, high * matrix), 0).sum(axis=0)
    most = np.maximum(np.maximum(low * matrix, high * matrix), 0).sum(axis=0)
    least, most = least + np.minimum(bias.values, 0), most + np.maximum(bias.values, 0)
    fraction = max(
        int((np.broadcast_to(source.fraction, n_in)[:, None] + weight.type.fraction).max()),
        int(bias.type.fraction.max()),
    )
    try:
        return smallest_type(float(least.min()), float(most.max()), fraction)
    except ValueError as error:
        raise ValueError(f"the sums of a layer need more than {EXACT_BITS} bits") from error


@dataclass(frozen=True)
class EncoderSpec:
    """The fixed-point specification of one encoder.

    Parameters
    ----------
    input : EncoderInput
        The jet variables and their words.
    layers : tuple of DenseLayer
        From input to latent; the last one's `output` is the type of the latent words.
    provenance : Mapping
        Where it came from (trainer, versions, run); not part of the content hash.
    """

    input: EncoderInput
    layers: tuple[DenseLayer, ...]
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        source, width = self.input.network_type, len(self.input.variables)
        for layer in self.layers:
            if layer.n_in != width:
                raise ValueError(f"layer {layer.name} takes {layer.n_in} inputs, {width} arrive")
            needed = exact_accumulator(source, layer.weight, layer.bias)
            held = layer.accumulator
            if (
                held.fraction < needed.fraction
                or held.min > needed.min
                or held.max + held.lsb < needed.max + needed.lsb
            ):
                raise ValueError(f"layer {layer.name}: {held} cannot hold sums of {needed}")
            source, width = layer.output, layer.n_out

    @property
    def latent_type(self) -> FixedType:
        """Type of the latent words, one entry for each."""
        return self.layers[-1].output.broadcast((self.layers[-1].n_out,))

    @property
    def bits_per_jet(self) -> int:
        """Number of bits that the firmware sends for a jet: the widths of its latent words."""
        return int(self.latent_type.width.sum())

    @property
    def layout(self) -> str:
        """Layer sizes, such as ``24-64-32-15``."""
        return "-".join(str(n) for n in (self.layers[0].n_in, *(x.n_out for x in self.layers)))

    @property
    def hash(self) -> str:
        """SHA-256 over all that determines the words computed: types, integers, input, order."""
        return _digest(self._content())

    def truncated(self, n_layers: int) -> "EncoderSpec":
        """Return the encoder that ends after its first `n_layers` layers."""
        return replace(self, layers=self.layers[:n_layers])

    def save(self, folder: Path) -> None:
        """Write `encoder.json` and `encoder.npz` into `folder`, the JSON last."""
        with atomic_path(folder / "encoder.npz") as temporary:
            np.savez_compressed(temporary, allow_pickle=False, **self._arrays())
        write_json(
            folder / "encoder.json",
            {
                "schema": SCHEMA_VERSION,
                "hash": self.hash,
                "provenance": dict(self.provenance),
                **self._content(),
            },
        )

    @classmethod
    def load(cls, folder: Path) -> "EncoderSpec":
        """Read the specification in `folder` and check schema version and hash.

        Raises
        ------
        RunError
            If files are missing, unreadable, of another schema, or do not match their hash.
        """
        path = folder / "encoder.json"
        try:
            content = json.loads(path.read_text())
            if content["schema"] != SCHEMA_VERSION:
                raise RunError(
                    f"{path} has schema version {content['schema']}, this program reads version "
                    f"{SCHEMA_VERSION}; train again or use the aefpga version that wrote it"
                )
            with np.load(folder / "encoder.npz", allow_pickle=False) as arrays:
                spec = cls._from_content(content, {k: arrays[k] for k in arrays.files})
            expected = content["hash"]
        except FileNotFoundError as error:
            raise RunError(
                f"{error.filename} is missing: {folder} holds no quantized encoder; "
                "train one with `aefpga train --quantize 8bit`"
            ) from error
        except (KeyError, TypeError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise RunError(f"{path} or encoder.npz is damaged ({error}); train again") from error
        if spec.hash != expected:
            raise RunError(
                f"{path}: the content's hash is {spec.hash[:16]}…, the file declares "
                f"{expected[:16]}…; the specification was changed after training, train again"
            )
        return spec

    def _arrays(self) -> dict[str, NDArray[np.int64]]:
        return {
            f"{layer.name}/{part}": getattr(layer, part).words
            for layer in self.layers
            for part in ("weight", "bias")
        }

    def _content(self) -> dict[str, Any]:
        return {
            "input": self.input.to_config(),
            "layers": [
                {
                    "name": layer.name,
                    "weight": layer.weight.type.to_config(),
                    "bias": layer.bias.type.to_config(),
                    "accumulator": layer.accumulator.to_config(),
                    "activation": layer.activation,
                    "negative_slope_shift": layer.negative_slope_shift,
                    "output": layer.output.to_config(),
                }
                for layer in self.layers
            ],
            "words": {name: _array_digest(words) for name, words in self._arrays().items()},
        }

    @classmethod
    def _from_content(
        cls, content: Mapping[str, Any], arrays: Mapping[str, NDArray[np.int64]]
    ) -> "EncoderSpec":
        layers = tuple(
            DenseLayer(
                name=layer["name"],
                weight=Tensor(
                    arrays[f"{layer['name']}/weight"], FixedType.from_config(layer["weight"])
                ),
                bias=Tensor(arrays[f"{layer['name']}/bias"], FixedType.from_config(layer["bias"])),
                accumulator=FixedType.from_config(layer["accumulator"]),
                activation=layer["activation"],
                output=FixedType.from_config(layer["output"]),
                negative_slope_shift=layer["negative_slope_shift"],
            )
            for layer in content["layers"]
        )
        return cls(
            input=EncoderInput.from_config(content["input"]),
            layers=layers,
            provenance=content["provenance"],
        )


def _array_digest(words: NDArray[np.int64]) -> str:
    header = f"{words.shape}".encode()
    return hashlib.sha256(header + np.ascontiguousarray(words, "<i8").tobytes()).hexdigest()


def _digest(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
