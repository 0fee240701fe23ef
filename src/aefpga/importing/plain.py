"""An encoder in a YAML file, with its numbers in a NumPy archive: for those who know their types.

See docs/import.md for an example.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from aefpga.choices import ScoreKind
from aefpga.config.loading import problems_of
from aefpga.config.section import Section
from aefpga.errors import DataError
from aefpga.files import load_arrays
from aefpga.fixedpoint import Convolution, EncoderInput, FixedType, Offset, Score, Trigger
from aefpga.fixedpoint.convolution import Padding
from aefpga.fixedpoint.layers import MAX_WEIGHTS
from aefpga.importing.chain import (
    Chain,
    Imported,
    check_size,
    exact_tensor,
    no_bias,
    plain_input,
    slope_shift,
)
from aefpga.importing.refusal import Refusal
from aefpga.importing.spelling import read_type
from aefpga.yaml_files import read_yaml

FORMAT = "YAML file and NumPy archive"
# Numbers of all layers, at most, as float64.
MAX_BYTES = 16 * MAX_WEIGHTS


_SHAPES = {1: "(outputs,)", 2: "(inputs, outputs)", 4: "(height, width, channels, filters)"}


class OffsetContent(Section):
    """What is subtracted from the quantities on the port."""

    values: tuple[float, ...]
    port: str
    shifted: str


class InputContent(Section):
    """What arrives: words of one type, or of a type each."""

    type: str | tuple[str, ...]
    variables: tuple[str, ...] | None = None
    units: tuple[str, ...] | None = None
    shift: tuple[int, ...] | None = Field(
        None, description="of the binary point: a quantity is its word's number times 2^shift"
    )
    offset: OffsetContent | None = None


class ConvolutionContent(Section):
    """Where a kernel is put on an image; words come row by row, channels last."""

    image: tuple[int, int, int] = Field(description="height, width and channels")
    strides: tuple[int, int] = (1, 1)
    padding: Padding = "valid"


class LayerContent(Section):
    """A layer's types; its numbers are `<name>_weight` and `<name>_bias` of the archive.

    Of a convolution these are the kernel (height, width, channels, filters) and a bias a filter.
    """

    name: str
    weight: str
    bias: str | None = None
    activation: Literal["linear", "relu", "leaky_relu"] = "linear"
    negative_slope: float | None = None
    output: str | None = Field(None, description="none: the sums as they are, no bit is dropped")
    convolution: ConvolutionContent | None = None


class TriggerContent(Section):
    """A score of the latent words, and the threshold of the trigger bit."""

    score: ScoreKind
    type: str | None = Field(None, description="none: one that holds every score exactly")
    counted: tuple[int, ...] | None = Field(None, description="latent words that count; none: all")
    threshold: int = Field(description="a score word: a number of steps of the type")


class NetworkContent(Section):
    """The whole file."""

    input: InputContent
    layers: tuple[LayerContent, ...] = Field(min_length=1, max_length=64)
    trigger: TriggerContent | None = None
    arrays: str | None = Field(None, description="the archive; none: this file's name with .npz")


def read_network(path: Path) -> Imported:
    """Read an encoder from a YAML file and the archive that it names.

    Raises
    ------
    UsageError
        If the file is no YAML.
    DataError
        If it says something else than what it should, or the archive lacks something.
    Refusal
        If a number is not of its type, or an encoder cannot hold it.
    """
    try:
        content = NetworkContent.model_validate(read_yaml(path))
    except ValidationError as error:
        raise DataError(f"{path} does not describe an encoder:\n{problems_of(error)}") from error
    archive = path.parent / content.arrays if content.arrays else path.with_suffix(".npz")
    if not archive.is_file():
        raise DataError(
            f"there is no {archive}, the NumPy archive of the weights that {path.name} describes; "
            "put it there, or name another in `arrays`"
        )
    try:
        arrays = load_arrays(archive, MAX_BYTES)
    except ValueError as error:
        raise DataError(f"{archive}: {error}") from error
    first = content.layers[0]
    if first.convolution is None:
        n_in = len(_array(arrays, archive, f"{first.name}_weight", 2))
    else:
        n_in = prod(first.convolution.image)
    check_size("input", n_in, 1)
    chain = Chain(_input(content.input, n_in))
    for layer in content.layers:
        where = f"layer {layer.name}"
        n = 2 if layer.convolution is None else 4
        weight = _array(arrays, archive, f"{layer.name}_weight", n)
        convolution, places = None, 1
        if layer.convolution is not None:
            convolution, places = _convolution(where, layer.convolution, weight.shape)
        if layer.bias is None:
            bias = no_bias(weight.shape[-1] * places)
        else:
            values = np.tile(_array(arrays, archive, f"{layer.name}_bias", 1), places)
            bias = exact_tensor(f"{where}, bias", values, _type(where, layer.bias))
        chain.add(
            layer.name,
            exact_tensor(f"{where}, weight", weight, _type(where, layer.weight)),
            bias,
            layer.activation,
            _slope_shift(where, layer),
            None if layer.output is None else _type(where, layer.output),
            convolution,
        )
    spec = chain.spec()
    if content.trigger is not None:
        spec = replace(spec, trigger=_trigger(content.trigger, spec.latent_type))
    return Imported(spec, FORMAT, files=(path, archive))


def _trigger(content: TriggerContent, latent: FixedType) -> Trigger:
    where = "trigger"
    try:
        score = Score.exact(content.score, latent, content.counted)
        if content.type is not None:
            score = replace(score, type=_type(where, content.type))
        score.check(latent)
        return Trigger(score, content.threshold)
    except (ValueError, IndexError) as error:
        raise Refusal(where, str(error)) from error


def _convolution(
    where: str, content: ConvolutionContent, kernel: tuple[int, ...]
) -> tuple[Convolution, int]:
    """Return a convolution, and at how many places its kernel is put."""
    try:
        convolution = Convolution(**dict(content))
        height, width, _ = convolution.shape(kernel)
    except ValueError as error:
        raise Refusal(where, str(error)) from error
    return convolution, height * width


def _slope_shift(where: str, layer: LayerContent) -> int:
    if (layer.activation == "leaky_relu") != (layer.negative_slope is not None):
        raise Refusal(where, "negative_slope is what a leaky_relu needs, and nothing else has")
    return 0 if layer.negative_slope is None else slope_shift(where, layer.negative_slope)


def _array(
    arrays: dict[str, NDArray[np.generic]], archive: Path, name: str, dimensions: int
) -> NDArray[np.float64]:
    if name not in arrays:
        raise DataError(f"{archive} has no array {name}; it has {', '.join(arrays)[:300]}")
    found = arrays[name]
    if found.ndim != dimensions or not found.size or found.dtype.kind not in "iuf":
        raise DataError(
            f"{archive}: {name} is {found.dtype} of shape {found.shape}; expected numbers of shape "
            f"{_SHAPES[dimensions]}"
        )
    return found.astype(np.float64)


def _type(where: str, text: str) -> FixedType:
    try:
        return read_type(text)
    except ValueError as error:
        raise Refusal(where, str(error)) from error


def _input(content: InputContent, n: int) -> EncoderInput:
    where = "input"
    texts = (content.type,) if isinstance(content.type, str) else content.type
    types = [_type(where, text) for text in texts]
    lists: dict[str, Sequence[object] | None] = {
        "type": types if len(types) > 1 else None,
        "variables": content.variables,
        "units": content.units,
        "shift": content.shift,
        "offset.values": None if content.offset is None else content.offset.values,
    }
    for name, found in lists.items():
        if found is not None and len(found) != n:
            raise Refusal(where, f"{len(found)} entries of {name}, the first layer takes {n} words")
    if len({(kind.rounding, kind.overflow) for kind in types}) > 1:
        raise Refusal(where, "all types must round and overflow the same way")
    try:
        kind = FixedType(
            [t.signed.item() for t in types],
            [t.width.item() for t in types],
            [t.integer.item() for t in types],
            types[0].rounding,
            types[0].overflow,
        ).broadcast((n,))
        plain = plain_input(kind, n)
        shift = np.zeros(n, np.int64) if content.shift is None else np.array(content.shift)
        offset = None
        if content.offset is not None:
            offset = Offset(
                _type(where, content.offset.port),
                np.array(content.offset.values),
                _type(where, content.offset.shifted),
            )
        return EncoderInput(
            content.variables or plain.variables,
            content.units or plain.units,
            kind.shifted(shift),
            shift,
            plain.mantissa,
            offset,
        )
    except (ValueError, OverflowError) as error:
        raise Refusal(where, str(error)) from error
