"""`EncoderSpec`: everything that the firmware of an encoder computes, in integers.

This is what a training leaves behind and what emulator, RTL, HLS project, compressor and reports
start from. On disk it is `encoder.json` (types, shapes, digests, content hash) beside `encoder.npz`
(the integer words); see `docs/encoder_spec.md`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.errors import RunError
from aefpga.files import atomic_path, load_arrays, write_json
from aefpga.fixedpoint.input import EncoderInput
from aefpga.fixedpoint.kinds import KINDS
from aefpga.fixedpoint.layers import MAX_WEIGHTS, DenseLayer, Layer, exact_accumulator
from aefpga.fixedpoint.trigger import Trigger
from aefpga.fixedpoint.types import EXACT_BITS, FixedType

SCHEMA_VERSION = 5
# In schema 2 every layer is dense, and no input has an offset; up to 3 there is no trigger,
# up to 4 no sum that inputs are divided by.
READ_VERSIONS = (2, 3, 4, 5)
MAX_LAYERS = 64


@dataclass(frozen=True)
class EncoderSpec:
    """The fixed-point specification of one encoder.

    Parameters
    ----------
    input : EncoderInput
        The variables and their words.
    layers : tuple of Layer
        From input to latent; the last one's `output` is the type of the latent words.
    provenance : Mapping
        Where it came from (trainer, versions, run); not part of the content hash.
    trigger : Trigger or None
        A score of the latent words and the trigger bit, which come out beside them.
    """

    input: EncoderInput
    layers: tuple[Layer, ...]
    provenance: Mapping[str, str] = field(default_factory=dict)
    trigger: Trigger | None = None

    def __post_init__(self) -> None:
        names = {layer.name for layer in self.layers}
        if not 0 < len(self.layers) <= MAX_LAYERS or len(names) < len(self.layers):
            raise ValueError(f"expected 1 to {MAX_LAYERS} layers of different names")
        if sum(layer.matrix.words.size for layer in self.layers) > MAX_WEIGHTS:
            raise ValueError(f"more than {MAX_WEIGHTS} weights")
        source, width = self.input.network_type, len(self.input.variables)
        for layer in self.layers:
            if layer.n_in != width:
                raise ValueError(f"layer {layer.name} takes {layer.n_in} inputs, {width} arrive")
            needed = exact_accumulator(source, layer.matrix, layer.bias)
            held = layer.accumulator
            if (
                held.fraction < needed.fraction
                or held.min > needed.min
                or held.max + held.lsb < needed.max + needed.lsb
            ):
                raise ValueError(f"layer {layer.name}: {held} cannot hold sums of {needed}")
            if layer.bits_needed > EXACT_BITS:
                raise ValueError(
                    f"layer {layer.name} needs {layer.bits_needed} bits, float64 has {EXACT_BITS}"
                )
            source, width = layer.output, layer.n_out
        if self.trigger is not None:
            self.trigger.score.check(self.latent_type)

    @property
    def latent_type(self) -> FixedType:
        """Type of the latent words, one entry for each."""
        return self.layers[-1].output.broadcast((self.layers[-1].n_out,))

    @property
    def sent_type(self) -> FixedType:
        """Type of the words that are sent for a record: the latent ones, and that of a sum."""
        latent, total = self.latent_type, self.input.total
        if total is None:
            return latent
        return FixedType(
            np.append(latent.signed, total.type.signed),
            np.append(latent.width, total.type.width),
            np.append(latent.integer, total.type.integer),
        )

    def sent(
        self, records: NDArray[np.floating[Any]], latent: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return the words of `sent_type`, shape (n_records, n_words), of records and latents.

        Of all outputs instead of latents, the word of a sum comes behind them, too.
        """
        total = self.input.total
        return latent if total is None else np.column_stack([latent, total.words(records)])

    @property
    def outputs(self) -> dict[str, slice]:
        """What comes out, as columns of `outputs_of`: latent words, and of a trigger two more."""
        n = self.layers[-1].n_out
        found = {"latent words": slice(0, n)}
        if self.trigger is not None:
            found |= {"scores": slice(n, n + 1), "trigger bits": slice(n + 1, n + 2)}
        return found

    @property
    def output_type(self) -> FixedType:
        """Type of all that comes out, one entry for each column of `outputs_of`."""
        latent = self.latent_type
        if self.trigger is None:
            return latent
        score = self.trigger.score.type
        return FixedType(
            np.append(latent.signed, [False, False]),
            np.append(latent.width, [score.width, 1]),
            np.append(latent.integer, [score.integer, 1]),
        )

    def outputs_of(self, latent: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return all that comes out where these latent words (n_jets, n_latent) do.

        Returns
        -------
        ndarray of int64, shape (n_jets, n_outputs)
            The latent words; where there is a trigger, the score word and the trigger bit.
        """
        if self.trigger is None:
            return latent
        scores = self.trigger.score(latent, self.latent_type)
        return np.column_stack([latent, scores, self.trigger(scores)])

    @property
    def bits_per_jet(self) -> int:
        """Number of bits that are sent for a jet: the widths of its words."""
        return int(self.sent_type.width.sum())

    @property
    def layout(self) -> str:
        """Layer sizes, such as ``24-64-32-15``."""
        return "-".join(str(n) for n in (self.layers[0].n_in, *(x.n_out for x in self.layers)))

    @property
    def hash(self) -> str:
        """SHA-256 over all that determines what is computed: types, integers, order, trigger.

        What schema 2 can say is hashed as it said it: an encoder keeps its hash.
        """
        content = self._content()
        for layer in content["layers"]:
            if layer["kind"] == DenseLayer.kind:
                del layer["kind"]
        return _digest(content)

    @property
    def latent_hash(self) -> str:
        """Hash of the encoder without a trigger, by which decoders know their latent words."""
        return replace(self, trigger=None).hash

    def truncated(self, n_layers: int) -> "EncoderSpec":
        """Return the encoder that ends after its first `n_layers` layers, without a trigger."""
        return replace(self, layers=self.layers[:n_layers], trigger=None)

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
        path, words = folder / "encoder.json", folder / "encoder.npz"
        if missing := next((p for p in (path, words) if not p.exists()), None):
            raise RunError(
                f"{missing} is missing: {folder} holds no quantized encoder; train one with "
                "`aefpga train --quantize 8bit`"
            )
        try:
            content = json.loads(path.read_bytes(), parse_constant=_refuse)
            if content["schema"] not in READ_VERSIONS:
                raise RunError(
                    f"{path} has schema version {content['schema']!r:.40}, this program reads "
                    f"{', '.join(map(str, READ_VERSIONS))}; train again or use the aefpga "
                    "version that wrote it"
                )
            spec = cls._from_content(content, load_arrays(words, 16 * MAX_WEIGHTS))
            expected = str(content["hash"])
        # Of content that is no encoder: a list for a mapping, text for a number, and the like.
        except (
            KeyError,
            TypeError,
            ValueError,
            AttributeError,
            OverflowError,
            OSError,
            RecursionError,
        ) as error:
            raise RunError(
                f"{path} or encoder.npz is damaged ({str(error)[:200]}); train again"
            ) from error
        if spec.hash != expected:
            raise RunError(
                f"{path}: the content's hash is {spec.hash[:16]}…, the file declares "
                f"{expected[:16]!r}; the specification was changed after training, train again"
            )
        return spec

    def _arrays(self) -> dict[str, NDArray[np.int64]]:
        return {
            f"{layer.name}/{part}": getattr(layer, part).words
            for layer in self.layers
            for part in layer.parts
        }

    def _content(self) -> dict[str, Any]:
        trigger = {} if self.trigger is None else {"trigger": self.trigger.to_config()}
        return {
            "input": self.input.to_config(),
            "layers": [layer.to_config() for layer in self.layers],
            "words": {name: _array_digest(words) for name, words in self._arrays().items()},
            **trigger,
        }

    @classmethod
    def _from_content(
        cls, content: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
    ) -> "EncoderSpec":
        layers = []
        for config in content["layers"][: MAX_LAYERS + 1]:
            kind = KINDS[config["kind"] if content["schema"] > 2 else DenseLayer.kind]
            words = {part: arrays[f"{config['name']}/{part}"] for part in kind.parts}
            layers.append(kind.from_config(config, words))
        provenance = content["provenance"]
        if not all(isinstance(x, str) for pair in provenance.items() for x in pair):
            raise TypeError("provenance must be text")
        trigger = Trigger.from_config(content["trigger"]) if "trigger" in content else None
        return cls(EncoderInput.from_config(content["input"]), tuple(layers), provenance, trigger)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _array_digest(words: NDArray[np.int64]) -> str:
    header = f"{words.shape}".encode()
    return hashlib.sha256(header + np.ascontiguousarray(words, "<i8").tobytes()).hexdigest()


def _digest(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
