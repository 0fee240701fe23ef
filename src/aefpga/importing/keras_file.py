"""Files of Keras and QKeras models, `.h5` and `.keras`, read as text and numbers.

Keras takes no part: nothing that a file names is imported, called or unpickled. The architecture is
JSON, the weights are HDF5; what they claim to need is checked before it is read.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
from numpy.typing import NDArray

from aefpga.errors import DataError
from aefpga.fixedpoint.layers import MAX_WEIGHTS
from aefpga.importing.refusal import Refusal

# Bytes of an architecture in JSON, and of weights with the states of an optimizer.
MAX_CONFIG, MAX_FILE = 1 << 24, 1 << 28
MAX_LAYERS = 200
# What Keras takes for a name of weights within a layer.
_TENSORS = 16


@dataclass(frozen=True)
class KerasLayer:
    """A layer as a file describes it.

    Parameters
    ----------
    name, kind : str
        Its own name, and its class's.
    config : Mapping
        What it was made with; of nobody's checking yet.
    weights : tuple of ndarray of float32
        In Keras's order: kernel, bias; gamma, beta, mean, variance.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    weights: tuple[NDArray[np.float32], ...] = ()

    @property
    def where(self) -> str:
        """How messages name it."""
        return f"layer {self.name} ({self.kind})"


@dataclass(frozen=True)
class KerasModel:
    """A chain of layers, each with one before and one after it.

    Parameters
    ----------
    shape : tuple of int
        Of its input, without the batch.
    layers : tuple of KerasLayer
        Without the input.
    version : str
        Of the Keras that wrote it, as it says.
    """

    shape: tuple[int, ...]
    layers: tuple[KerasLayer, ...]
    version: str


def read_keras_file(path: Path) -> KerasModel:
    """Read a file of a model, and refuse what is no chain of layers.

    Raises
    ------
    DataError
        If it is damaged, none of a model, or claims more than there can be.
    Refusal
        If its layers are no chain.
    """
    try:
        with path.open("rb") as stream:
            if zipfile.is_zipfile(stream):
                return _of_archive(stream)
            stream.seek(0)
            with h5py.File(stream, "r") as file:
                return _of_hdf5(file)
    except DataError:
        raise
    # What damage makes zipfile, HDF5 and JSON raise has no common base.
    except Exception as error:
        raise DataError(
            f"{path} is no readable file of a Keras model ({type(error).__name__}: "
            f"{str(error)[:200]}); expected what model.save('{path.stem}.keras') or "
            f"model.save('{path.stem}.h5') writes"
        ) from error


def class_name(content: Mapping[str, Any]) -> str:
    """Return the name of a class in Keras's JSON; qkeras-v3 writes `qkeras>QDense`."""
    return str(content["class_name"]).rpartition(">")[2]


def _of_archive(stream: BinaryIO) -> KerasModel:
    with zipfile.ZipFile(stream) as archive:
        content = json.loads(_member(archive, "config.json", MAX_CONFIG))
        metadata = json.loads(_member(archive, "metadata.json", MAX_CONFIG))
        weights = io.BytesIO(_member(archive, "model.weights.h5", MAX_FILE))
    with h5py.File(weights, "r") as file:
        seen: dict[str, int] = {}

        def tensors(name: str, kind: str) -> Iterator[NDArray[np.float32]]:
            plain = _snake(kind)
            index = seen[plain] = seen.get(plain, -1) + 1
            folder = f"layers/{plain}_{index}/vars" if index else f"layers/{plain}/vars"
            group = file.get(folder, {})
            if len(group) > _TENSORS:
                raise Refusal(f"layer {name}", f"{len(group)} tensors; at most {_TENSORS} are")
            for i in range(len(group)):
                yield _tensor(file, f"{folder}/{i}", name)

        return _model(content, tensors, str(metadata.get("keras_version", "?")))


def _member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    entry = archive.getinfo(name)
    if entry.file_size > most:
        raise DataError(f"{name} claims {entry.file_size:,} bytes; at most {most:,} are expected")
    return archive.read(entry)


def _of_hdf5(file: h5py.File) -> KerasModel:
    if "model_config" not in file.attrs:
        raise DataError(
            "there are weights without an architecture; save the whole model with model.save, not "
            "model.save_weights"
        )
    text = file.attrs["model_config"]
    if len(text) > MAX_CONFIG:
        raise DataError(f"its architecture has {len(text):,} bytes; at most {MAX_CONFIG:,} are")

    def tensors(name: str, kind: str) -> Iterator[NDArray[np.float32]]:
        group = f"model_weights/{name}"
        names = file[group].attrs["weight_names"] if group in file else ()
        if len(names) > _TENSORS:
            raise Refusal(f"layer {name}", f"{len(names)} tensors; at most {_TENSORS} are")
        for tensor in names:
            tensor = tensor.decode() if isinstance(tensor, bytes) else str(tensor)
            yield _tensor(file, f"{group}/{tensor}", name)

    return _model(json.loads(text), tensors, str(file.attrs.get("keras_version", "?")))


def _tensor(file: h5py.File, path: str, name: str) -> NDArray[np.float32]:
    """Return a tensor that lies in the file itself and is no larger than weights can be."""
    where = f"layer {name}"
    for i in range(1, path.count("/") + 2):
        part = "/".join(path.split("/")[:i])
        if not isinstance(file.get(part, getlink=True), h5py.HardLink):
            raise Refusal(where, f"its weights {path} are missing, or in another file")
    found = file[path]
    if not isinstance(found, h5py.Dataset) or found.is_virtual or found.external:
        raise Refusal(where, f"its weights {path} are not in the file itself")
    if found.dtype.kind != "f" or prod(found.shape) > MAX_WEIGHTS:
        raise Refusal(
            where,
            f"weights of {found.dtype} and shape {found.shape}; expected at most {MAX_WEIGHTS:,} "
            "floats",
        )
    return np.asarray(found[()], np.float32)


def _snake(kind: str) -> str:
    """Return a class's name as Keras spells it in files."""
    kind = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", kind).lower()


def _model(content: Any, tensors: Any, version: str) -> KerasModel:
    kind = class_name(content)
    if kind not in ("Sequential", "Functional", "Model"):
        raise Refusal(
            f"the model ({kind})", "only Sequential and functional models say what they compute"
        )
    config = content["config"]
    described = config["layers"]
    if not 0 < len(described) <= MAX_LAYERS:
        raise DataError(f"a model of {len(described)} layers; 1 to {MAX_LAYERS} are expected")
    layers = []
    for entry in described:
        name, kind = str(entry["config"]["name"]), class_name(entry)
        layers.append(KerasLayer(name, kind, entry["config"], tuple(tensors(name, kind))))
    if class_name(content) != "Sequential":
        layers = _chained(layers, described, config)
    first, *others = layers
    shape = _shape(config, first)
    return KerasModel(shape, tuple(others if first.kind == "InputLayer" else layers), version)


def _shape(config: Mapping[str, Any], first: KerasLayer) -> tuple[int, ...]:
    for name in ("batch_shape", "batch_input_shape"):
        if name in first.config:
            break
    else:
        raise Refusal(first.where, "it does not say the shape of its input; build the model first")
    _, *shape = first.config[name]
    if not shape or not all(isinstance(n, int) and 0 < n <= MAX_WEIGHTS for n in shape):
        raise Refusal(first.where, f"its input has the shape {shape}; expected numbers")
    return tuple(shape)


def _chained(
    layers: Sequence[KerasLayer], described: Sequence[Any], config: Mapping[str, Any]
) -> list[KerasLayer]:
    """Return the layers of a functional model from its input to its output."""
    for end in ("input_layers", "output_layers"):
        found = config[end]
        if found and isinstance(found[0], list):
            (found, *others) = found
            if others:
                raise Refusal("the model", f"it has {len(others) + 1} {end}; one is possible")
        if not found or not isinstance(found[0], str):
            raise Refusal("the model", f"its {end} are {str(found)[:60]}")
    before = {}
    for layer, entry in zip(layers, described, strict=True):
        parents = list(_parents(entry.get("inbound_nodes", [])))
        if len(parents) > 1 or (layer.kind != "InputLayer") != bool(parents):
            raise Refusal(layer.where, f"{len(parents)} tensors go in; only a chain is possible")
        before[layer.name] = parents[0] if parents else None
    by_name = {layer.name: layer for layer in layers}
    last = config["output_layers"]
    name = last[0][0] if isinstance(last[0], list) else last[0]
    chain: list[KerasLayer] = []
    while name is not None:
        if name not in by_name or len(chain) > len(layers):
            raise Refusal("the model", f"there is no layer {str(name)[:60]} where one is expected")
        chain.insert(0, by_name[name])
        name = before[name]
    if len(chain) < len(layers):
        loose = next(layer for layer in layers if layer not in chain)
        raise Refusal(loose.where, "it is not on the way from the input to the output")
    return chain


def _parents(nodes: Any) -> Iterator[str]:
    """Yield the names of the layers whose outputs go into one: Keras 2 and 3 write them apart."""
    if isinstance(nodes, Mapping):
        if nodes.get("class_name") == "__keras_tensor__":
            yield nodes["config"]["keras_history"][0]
        else:
            for part in nodes.values():
                yield from _parents(part)
    elif isinstance(nodes, list):
        if len(nodes) in (3, 4) and isinstance(nodes[0], str) and isinstance(nodes[1], int):
            yield nodes[0]
        else:
            for part in nodes:
                yield from _parents(part)
