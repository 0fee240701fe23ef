"""Jets to tables of integers, and back: what a chunk holds before its entropy coding.

An autoencoder's tables are the latent words and, under a bound, corrections to what the decoder
makes of them; a scalar quantizer's only table is the steps of every variable.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aefpga.codec.bounds import Profile
from aefpga.codec.corrections import Corrector
from aefpga.codec.grid import ScalarQuantizer
from aefpga.codec.histograms import Coder, StepHistograms, WordHistograms
from aefpga.codec.model import Model
from aefpga.codec.schemes import PlainScheme, Scheme, scheme_for
from aefpga.fixedpoint import Emulator
from aefpga.schema import Schema

Floats = NDArray[np.float32]
Tables = Mapping[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Quantized:
    """Jets as tables of integers.

    Parameters
    ----------
    tables : Mapping of str to ndarray of int64
        Each with a row a jet.
    back : ndarray of float32, shape (n_jets, n_variables)
        What decoding makes of them.
    exact : ndarray of bool, shape (n_jets, n_variables)
        Values that must be kept as they are.
    outside : ndarray of bool, shape (n_jets,)
        Jets out of the encoder's range.
    """

    tables: Tables
    back: Floats
    exact: NDArray[np.bool_]
    outside: NDArray[np.bool_]


class Autoencoding:
    """Latent words, and corrections where there is a bound.

    `coders` has, for each table, how it is coded without learning; `schemes`, how it is learned.

    Parameters
    ----------
    model : Model or None
        What encodes and decodes; None, in files of version 1, decodes to zeros.
    profile : Profile or None
        Bounds that every value keeps.
    schema : Schema
        The model's inputs.
    keep_outliers : bool
        Keep jets exactly that have a value outside the encoder's range.
    """

    def __init__(
        self,
        model: Model | None,
        profile: Profile | None,
        schema: Schema,
        *,
        keep_outliers: bool = True,
    ) -> None:
        self._model, self._profile, self._schema = model, profile, schema
        self._keep_outliers = keep_outliers
        self._emulator = Emulator(model.spec) if model else None
        self._corrector = Corrector(profile, schema) if profile else None
        self.coders: dict[str, Coder] = {}
        self.schemes: dict[str, Scheme] = {}
        if model:
            self.coders["words"] = WordHistograms(model.spec)
            self.schemes["words"] = PlainScheme(len(model.spec.latent_type.width))
        if profile:
            self.coders["corrections"] = StepHistograms(len(schema))
            self.schemes["corrections"] = PlainScheme(len(schema))

    def quantize(self, jets: Floats) -> Quantized:
        """Return latent words and corrections."""
        assert self._model, "files of version 1 are not written"
        assert self._emulator
        source = self._model.spec.input
        words = self._emulator(source.to_words(jets))
        outside = np.asarray(source.outside(jets).any(axis=1))
        exact = np.repeat(outside[:, None] & self._keep_outliers, jets.shape[1], axis=1)
        if not self._corrector or not self._profile:
            return Quantized({"words": words}, self._model.decoded(words), exact, outside)
        decoded, unstable = self._model.decoded_with_care(words)
        # A total starts from its parts: it hangs on the same digits as they do.
        for total, parts in self._schema.totals:
            unstable[:, total] |= unstable[:, list(parts)].any(axis=1)
        exact |= unstable
        steps, far = self._corrector.steps(jets, decoded, exact)
        back = self._corrector.corrected(decoded, steps)
        exact |= far | ~self._profile.within(self._schema, jets, back)
        return Quantized({"words": words, "corrections": steps}, back, exact, outside)

    def jets(self, tables: Tables) -> Floats:
        """Return decoded words, corrected where there is a bound."""
        if self._model:
            decoded = self._model.decoded(tables["words"])
        else:
            decoded = np.zeros(tables["corrections"].shape, np.float32)
        return (
            self._corrector.corrected(decoded, tables["corrections"])
            if self._corrector
            else decoded
        )


class Scalar:
    """Steps of each variable's own grid; attributes as of `Autoencoding`.

    Parameters
    ----------
    profile : Profile
        Bounds that every value keeps.
    schema : Schema
        The columns.
    """

    def __init__(self, profile: Profile, schema: Schema) -> None:
        self._profile, self.schema = profile, schema
        self._quantizer = ScalarQuantizer(profile, schema)
        self.coders: dict[str, Coder] = {"steps": StepHistograms(len(schema))}
        self.schemes: dict[str, Scheme] = {"steps": scheme_for(schema, self._quantizer.grids)}

    def quantize(self, jets: Floats) -> Quantized:
        """Return steps."""
        steps = self._quantizer.steps(jets)
        back = self._quantizer.jets(steps)
        exact = ~self._profile.within(self.schema, jets, back)
        return Quantized({"steps": steps}, back, exact, np.zeros(len(jets), bool))

    def jets(self, tables: Tables) -> Floats:
        """Return the values of steps."""
        return self._quantizer.jets(tables["steps"])


Quantization = Autoencoding | Scalar
