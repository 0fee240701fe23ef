"""Files of learned models: written as NumPy arrays, and checked when they are read."""

import io
import zlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.entropy.column_model import (
    MAX_INPUT,
    MAX_SYMBOLS,
    NARROW,
    SLOTS,
    WIDE,
    ColumnModel,
    IntegerLayer,
)
from aefpga.errors import DataError
from aefpga.files import load_arrays

# Of the models of a table, at most; and of its columns and their layers.
MAX_BYTES, MAX_NEURONS, MAX_PARTS = 4_000_000, 512, 4096
# Sums have fewer bits.
MAX_SHIFT = 52
# What `save_models` keeps of a model and of a layer, each as one array for all columns.
_OF_MODEL = {"edges": "<i4", "frequencies": "<u2", "centre": "<i4", "gain": "<i4"}
_OF_LAYER = {"weight": "<i1", "bias": "<i4", "shift": "<i1"}
# How networks compute, by the number that a file says; what says none is of before version 4.
_ARITHMETICS = {1: WIDE, 2: NARROW}


def save_models(models: Sequence[ColumnModel]) -> bytes:
    """Return models as a NumPy archive without pickles, packed as a whole."""
    numbers = {id(kind): number for number, kind in _ARITHMETICS.items()}
    arrays = {
        "layers": np.array([len(model.layers) for model in models], "<u1"),
        "arithmetic": np.array(numbers[id(models[0].arithmetic)], "<u1"),
    }
    layers = [layer for model in models for layer in model.layers]
    parts = {name: [getattr(model, name) for model in models] for name in _OF_MODEL}
    parts |= {name: [getattr(layer, name) for layer in layers] for name in _OF_LAYER}
    for name, kind in (_OF_MODEL | _OF_LAYER).items():
        whole = np.concatenate([np.zeros(0, kind), *(p.ravel() for p in parts[name])])
        arrays[name] = whole.astype(kind)
        arrays[f"{name}_sizes"] = np.array([p.size for p in parts[name]], "<u4")
    arrays["edges"] = np.diff(arrays["edges"], prepend=arrays["edges"].dtype.type(0))
    arrays["bias"] >>= arrays["shift"]
    for name, whole in arrays.items():
        if whole.ndim:
            # The lowest bytes of all, then the second ones: most of those are the same.
            arrays[name] = whole.view("<u1").reshape(len(whole), whole.itemsize).T
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    return zlib.compress(stream.getvalue(), 9)


def _arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """Return numbers of all models, of what `save_models` made of them."""
    if data.startswith(b"PK"):
        # Until version 3 of the format.
        return load_arrays(io.BytesIO(data), MAX_BYTES)
    content = zlib.decompressobj().decompress(data, 2 * MAX_BYTES)
    found = load_arrays(io.BytesIO(content), MAX_BYTES)
    sizes = {f"{name}_sizes": "<u4" for name in (*_OF_MODEL, *_OF_LAYER)}
    for name, kind in (_OF_MODEL | _OF_LAYER | sizes | {"layers": "<u1"}).items():
        found[name] = np.ascontiguousarray(found[name].T).view(kind)[:, 0]
    found["edges"] = np.cumsum(found["edges"], dtype="<i4")
    found["bias"] = found["bias"] << found["shift"].astype("<i4")
    return found


def load_models(data: bytes) -> list[ColumnModel]:
    """Return what `save_models` was given; raise DataError if it is damaged."""
    try:
        arrays = _arrays(data)
        layers = [
            IntegerLayer(weight.reshape(-1, len(bias)), bias, shift)
            for weight, bias, shift in zip(
                *(_split(arrays, *x) for x in _OF_LAYER.items()), strict=True
            )
        ]
        if arrays["layers"].dtype != "<u1":
            raise ValueError(f"numbers of layers of {arrays['layers'].dtype}")
        ends = np.cumsum(arrays["layers"], dtype=np.int64)
        arithmetic = _ARITHMETICS[int(arrays.get("arithmetic", 1))]
        fields = zip(*(_split(arrays, *x) for x in _OF_MODEL.items()), strict=True)
        models = []
        for found, end, n in zip(fields, ends, arrays["layers"], strict=True):
            edges, frequencies, centre, gain = (x.astype(np.int64) for x in found)
            model = ColumnModel(edges, frequencies, centre, gain, layers[end - n : end], arithmetic)
            _check_model(model)
            models.append(model)
        return models
    except (ValueError, KeyError, TypeError, IndexError, zlib.error) as error:
        raise DataError(f"the model of the entropy coding is damaged ({error})") from error


def _check_model(model: ColumnModel) -> None:
    """Raise ValueError unless `learn` may have made it: sums and memory hang on that."""
    n_symbols = len(model.edges) + 1
    if not 2 < n_symbols <= MAX_SYMBOLS or np.any(np.diff(model.edges) <= 0):
        raise ValueError(f"{len(model.edges)} edges of bins, or out of order")
    if not model.layers:
        frequencies = model.frequencies
        if len(frequencies) != n_symbols or frequencies.min() < 1 or frequencies.sum() != SLOTS:
            raise ValueError("frequencies do not add up")
        return
    if len(model.centre) != len(model.gain) or np.any(model.gain < 0):
        raise ValueError("features without a gain")
    sizes = [len(model.centre), *(len(layer.bias) for layer in model.layers)]
    shapes = [layer.weight.shape for layer in model.layers]
    if shapes != list(pairwise(sizes)) or sizes[-1] != n_symbols or max(sizes) > MAX_NEURONS:
        raise ValueError(f"layers of shapes {shapes} for {n_symbols} symbols")
    for layer in model.layers:
        if layer.shift.shape != layer.bias.shape or not all(
            0 <= s <= MAX_SHIFT for s in layer.shift
        ):
            raise ValueError("shifts of sums are out of range")
    largest = MAX_INPUT
    for layer in model.layers:
        if np.any(layer.reach(largest) >= model.arithmetic.max_sum):
            raise ValueError("sums are larger than floats hold exactly")
        largest = model.arithmetic.max_activation


def _split(arrays: Mapping[str, NDArray[Any]], name: str, kind: str) -> list[NDArray[Any]]:
    whole, sizes = arrays[name], arrays[f"{name}_sizes"]
    if whole.dtype != kind or sizes.dtype != "<u4" or whole.ndim != 1 or sizes.ndim != 1:
        raise ValueError(f"{name} of {whole.dtype} and {sizes.dtype}")
    if len(sizes) > MAX_PARTS or sizes.sum(dtype=np.int64) != len(whole):
        raise ValueError(f"{name} does not have the sizes that it says")
    return np.split(whole, np.cumsum(sizes, dtype=np.int64))[:-1]
