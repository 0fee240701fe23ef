"""Reading compressed jets; `docs/format.md` is the specification of the file.

A chunk's members, each under ``chunks/NNNNNN/``: `events` (jets per event and what the file says
of events), tables of integers (`words` and `corrections`, or `steps`) and `exact` (values that
those do not reach).
"""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aefpga.codec.bounds import Profile
from aefpga.codec.conditional import Conditional, load_models
from aefpga.codec.container import Reader
from aefpga.codec.histograms import Coder
from aefpga.codec.members import chunk, restore_exact, unpack_events
from aefpga.codec.model import MODEL_FILES, Model
from aefpga.codec.quantization import Autoencoding, Quantization, Scalar
from aefpga.data.jets import Jets
from aefpga.errors import DataError, RunError, UsageError
from aefpga.files import sha256_of
from aefpga.variables import variable

Words = NDArray[np.int64]


class Archive:
    """Compressed jets, opened for reading.

    Parameters
    ----------
    path : Path
        The file.
    model : Path or None
        Folder of the model, for a file that only refers to it by hash.
    salvage : bool
        Read what is left of a damaged or truncated file; see `skipped`.
    """

    def __init__(self, path: Path, model: Path | None = None, *, salvage: bool = False) -> None:
        self.reader, self._salvage = Reader(path, salvage=salvage), salvage
        self.path, self._model_folder = path, model
        header = self.reader.header
        self.names: tuple[str, ...] = tuple(header["variables"])
        profile = header["max_error"]
        self.profile = None if profile is None else Profile.model_validate(profile)
        # Chunks that were left out, with the reason.
        self.skipped: dict[int, str] = {}

    def chunks(self) -> range:
        """Return the numbers of the file's chunks."""
        if not self._salvage:
            return range(len(self.reader.manifest["chunks"]))
        numbers = [int(n.split("/")[1]) for n in self.reader.sizes() if n.startswith("chunks/")]
        return range(max(numbers, default=-1) + 1)

    def iterate(self, first: int = 0, last: int | None = None) -> Iterator[Jets]:
        """Yield the jets of the events from `first` to below `last`, chunk by chunk.

        Raises
        ------
        DataError
            If a chunk is damaged (unless salvaging; then it is left out, and named in `skipped`).
        """
        quantization = self._quantization()
        coders = self._coders(quantization)
        start = 0
        for number in self.chunks():
            events = (
                None if self._salvage else int(self.reader.manifest["chunks"][number]["events"])
            )
            if events is not None and (start + events <= first or (last and start >= last)):
                start += events
                continue
            try:
                jets = self._chunk(number, quantization, coders)
            except DataError as error:
                if not self._salvage:
                    raise
                self.skipped[number] = str(error)
                continue
            stop = len(jets.counts) if last is None else max(last - start, 0)
            yield jets.between(max(first - start, 0), min(stop, len(jets.counts)))
            start += len(jets.counts)

    def words(self) -> Iterator[Words]:
        """Yield the latent words of every chunk, as the firmware would send them."""
        coders = self._coders(self._quantization())
        if "words" not in coders:
            raise UsageError(f"{self.path} was made without an autoencoder: it has no latent words")
        for number in self.chunks():
            counts, _ = unpack_events(self.reader.member(f"{chunk(number)}/events"), str(self.path))
            yield coders["words"].decode(self.reader.member(f"{chunk(number)}/words"), counts)

    def models(self) -> dict[str, bytes]:
        """Return the models of conditional entropy coding, by the table that they are for."""
        kinds = self.reader.header.get("entropy", {})
        return {
            name: self.reader.member(f"entropy/{name}.npz")
            for name, kind in kinds.items()
            if kind == "conditional"
        }

    def _chunk(self, number: int, quantization: Quantization, coders: Mapping[str, Coder]) -> Jets:
        where = f"{self.path}: {chunk(number)}"
        counts, events = unpack_events(self.reader.member(f"{chunk(number)}/events"), where)
        tables = {}
        for name, coder in coders.items():
            try:
                tables[name] = coder.decode(self.reader.member(f"{chunk(number)}/{name}"), counts)
            except DataError as error:
                raise DataError(f"{where}/{name}: {error}") from error
        back = quantization.jets(tables)
        restore_exact(back, self.reader.member(f"{chunk(number)}/exact"), where)
        return Jets(self.names, back, counts, events)

    def _quantization(self) -> Quantization:
        variables = [variable(name) for name in self.names]
        if self.reader.header.get("quantization") == "scalar":
            if self.profile is None:
                raise DataError(f"{self.path}: its header states no error bound; it is damaged")
            return Scalar(self.profile, variables)
        return Autoencoding(self._load_model(), self.profile, variables)

    def _coders(self, quantization: Quantization) -> dict[str, Coder]:
        learned: dict[str, Coder] = {
            name: Conditional(quantization.schemes[name], load_models(model))
            for name, model in self.models().items()
        }
        return {**quantization.coders, **learned}

    def _load_model(self) -> Model | None:
        expected = self.reader.header["encoder"]
        if expected is None:
            return None
        if self._model_folder is None and "model/encoder.json" not in self.reader.sizes():
            raise RunError(
                f"{self.path} refers to its encoder {expected[:16]}… and does not hold it; name "
                "the run that made it with --run"
            )
        if self._model_folder is not None:
            model = Model.load(self._model_folder)
            hashes = {name: sha256_of(self._model_folder / name) for name in MODEL_FILES}
            if changed := [n for n, h in self.reader.header["model"].items() if hashes.get(n) != h]:
                raise RunError(
                    f"{self.path} was made with another {', '.join(changed)} than "
                    f"{self._model_folder} holds: name the run that made it"
                )
        else:
            with tempfile.TemporaryDirectory() as scratch:
                for name in MODEL_FILES:
                    (Path(scratch) / name).write_bytes(self.reader.member(f"model/{name}"))
                model = Model.load(Path(scratch))
        return model
