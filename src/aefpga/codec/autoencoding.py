"""The codec `autoencoder`: a run's latent words and, under a bound, corrections to what they say.

The words are those that the run's firmware sends. The tables are `words` and `corrections`.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from aefpga.codec.corrections import Corrector
from aefpga.codec.protocol import Codec, Floats, Quantized, Tables, Task
from aefpga.config import problems_of
from aefpga.decoding import Decoded
from aefpga.entropy.gated import step_coder
from aefpga.entropy.histograms import WordHistograms
from aefpga.entropy.schemes import PlainScheme
from aefpga.errors import UsageError
from aefpga.runs import layout
from aefpga.runs.autoencoder import Autoencoder
from aefpga.schema.relations import consistent, present

Words = NDArray[np.int64]


class Options(BaseModel):
    """How to use a model.

    Parameters
    ----------
    encoder : str or None
        The encoder's hash, for who reads it in a file.
    keeps_outliers : bool
        Keep records exactly that have a value outside the encoder's range, or whose words the
        decoder is known to take for others.
    is_consistent : bool
        Particles whose decoded number is 0 have no energy, and sums are the sums of their terms,
        before they are corrected; so corrections have gates. So since version 3 of the format.
    unlearned : tuple of str
        Variables that the model's training data lacked: its zeros for them say nothing of others.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoder: str | None = None
    keeps_outliers: bool = True
    is_consistent: bool = True
    unlearned: tuple[str, ...] = ()


class Autoencoding(Codec):
    """Latent words, and corrections where there is a bound.

    The encoder's variables that the data lack are zeros at its input, and are not given back.

    Parameters
    ----------
    task : Task
        What to work on; its files are those of a model.
    options : Options
        How to use the model.

    Raises
    ------
    UsageError
        If the encoder's variables are others than the task's.
    RunError
        If the model is damaged.
    """

    name = "autoencoder"
    needs = tuple((*layout.QUANTIZED, *decoder) for decoder in layout.DECODERS)

    def __init__(self, task: Task, options: Options) -> None:
        super().__init__(task)
        self._options, self._model = options, _load(task)
        inputs = self._model.spec.input.variables
        if inputs != task.record.names:
            raise UsageError(
                f"the encoder takes {', '.join(inputs)}; asked for are "
                f"{', '.join(task.record.names)}"
            )
        self._columns = [inputs.index(name) for name in task.schema.names]
        self.coders = {"words": WordHistograms(self._model.spec)}
        self.schemes = {"words": PlainScheme(len(self._model.spec.sent_type.width))}
        self._corrector = Corrector(task.profile, task.schema) if task.profile else None
        if self._corrector:
            schema = task.schema
            self.coders["corrections"] = step_coder(schema, is_gated=options.is_consistent)
            self.schemes["corrections"] = PlainScheme(len(schema))

    @classmethod
    def from_config(cls, config: Mapping[str, Any], task: Task) -> Self:
        """Make the codec of a model, and of whether outliers are kept."""
        try:
            return cls(task, Options.model_validate(config))
        except ValidationError as error:
            raise UsageError(f"an autoencoder has other options:\n{problems_of(error)}") from error

    def to_config(self) -> dict[str, Any]:
        """Return plain JSON content; the encoder's hash is for who reads it."""
        return {**self._options.model_dump(mode="json"), "encoder": self._model.spec.hash}

    def quantize(self, values: Floats) -> Quantized:
        """Return latent words and corrections."""
        source = self._model.spec.input
        inputs = np.zeros((len(values), len(source.variables)), np.float32)
        inputs[:, self._columns] = values
        words = self._model.words(inputs)
        outside = np.asarray(source.outside(inputs)[:, self._columns].any(axis=1))
        from_words = self._model.decoder.decode(words)
        kept = (outside | self._is_mistaken(inputs, from_words)) & self._options.keeps_outliers
        exact = np.repeat(kept[:, None], values.shape[1], axis=1)
        decoded = self._to_records(from_words)
        if not self._corrector:
            return Quantized({"words": words}, decoded, exact, outside)
        exact |= self._is_unstable(from_words)
        steps, _ = self._corrector.steps(values, decoded, exact)
        back = self._corrector.corrected(decoded, steps)
        return Quantized({"words": words, "corrections": steps}, back, exact, outside)

    def restore(self, tables: Tables) -> Floats:
        """Return decoded words, corrected where there is a bound."""
        decoded = self._to_records(self._model.decoder.decode(tables["words"]))
        if not self._corrector:
            return decoded
        return self._corrector.corrected(decoded, tables["corrections"])

    def _to_records(self, decoded: Decoded) -> Floats:
        """Return the task's records of what the decoder returned."""
        values = decoded.values[:, self._columns]
        if not self._options.is_consistent:
            return values
        return consistent(self.task.schema, values, self._options.unlearned)

    def _is_mistaken(self, inputs: Floats, decoded: Decoded) -> NDArray[np.bool_]:
        """Return which records a decoder that can be wrong took for others."""
        rounded = self._model.decoder.rounded(inputs)
        if rounded is None:
            return np.zeros(len(inputs), bool)
        return np.asarray((decoded.values != rounded).any(axis=1))

    def _is_unstable(self, decoded: Decoded) -> NDArray[np.bool_]:
        """Return which values hang on an integer that hangs on the decoder's last digits."""
        schema = self.task.schema
        low, high = (x[:, self._columns] for x in decoded.ends())
        counts = [v.kind.is_count for v in schema.variables]
        unstable = np.asarray((np.rint(low) != np.rint(high)) & counts)
        if self._options.is_consistent:
            for particles in schema.classes:
                if schema.holds(particles.energy, particles.count):
                    count = unstable[:, schema.index(particles.count)]
                    unstable[:, schema.index(particles.energy)] |= count
            # Whether an object is there hangs on its pt.
            least, most = (present(schema, x, self._options.unlearned) for x in (low, high))
            unstable |= least != most
        # A total starts from its parts: it hangs on the same digits as they do.
        for total, parts in schema.totals:
            unstable[:, total] |= unstable[:, list(parts)].any(axis=1)
        return unstable


def _load(task: Task) -> Autoencoder:
    with tempfile.TemporaryDirectory() as scratch:
        for name, content in task.files.items():
            (Path(scratch) / name).write_bytes(content)
        return Autoencoder.load(Path(scratch), task.record)
