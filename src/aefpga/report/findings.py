"""What is found in a run's folder, and by which command what is not there would be made."""

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from aefpga.evaluation.cells.judge import CellsJudgement
from aefpga.evaluation.histograms import Histograms
from aefpga.evaluation.metrics import Quality
from aefpga.evaluation.physics import Physics
from aefpga.evaluation.saturation import Saturation
from aefpga.evaluation.verdicts import Likeness, Named, Worth
from aefpga.firmware.agreement import Agreement
from aefpga.firmware.report import SynthesisReport
from aefpga.proof.certificate import Certificate
from aefpga.report.anomaly import Anomaly
from aefpga.runs import Run, layout

T = TypeVar("T")
Bins = tuple[tuple[float, float | None], ...]


@dataclass(frozen=True)
class Compared:
    """What `csim` leaves: how many words of which computations are equal."""

    encoder_hash: str
    jets: int
    adversarial_jets: int
    agreements: tuple[Agreement, ...]
    skipped: Mapping[str, str]

    @property
    def is_exact(self) -> bool:
        """Whether all words are equal."""
        return all(a.is_exact for a in self.agreements)

    @property
    def computations(self) -> tuple[str, ...]:
        """The names of what was compared."""
        return tuple(dict.fromkeys(n for a in self.agreements for n in (a.first, a.second)))


@dataclass(frozen=True)
class Judged:
    """What `evaluate` leaves of some records."""

    records: int
    record: str
    model: str
    bits_per_record: Mapping[str, float]
    saturated_inputs: Mapping[str, int]
    lacking: tuple[str, ...]
    notes: tuple[str, ...]
    schemes: Mapping[str, Quality]
    physics: Mapping[str, Physics]
    likeness: Likeness | None
    worth: Worth | None
    pt_bins_gev: Bins = ()
    abs_eta_bins: Bins = ()
    cells: CellsJudgement | None = None
    named: Named | None = None
    saturated_words: Saturation | None = None

    @property
    def quality(self) -> Quality:
        """The quality of the scheme that is judged."""
        return self.schemes[self.model]

    @property
    def columns(self) -> dict[str, str]:
        """Schemes and their titles; those with equal figures are one."""
        titles: dict[str, str] = {}
        for name, quality in self.schemes.items():
            same = next((n for n in titles if self.schemes[n] == quality), None)
            titles[same or name] = f"{titles[same]} = {name}" if same else name
        return titles


@dataclass(frozen=True)
class Missing:
    """Something that a run could have and has not, why, and the command that makes it."""

    what: str
    command: str


@dataclass(frozen=True)
class Findings:
    """A run, what it is in words, and what later verbs left with it; None is what they did not.

    `others` are evaluations of other records than the run's own test records.
    """

    run: Run
    words: Mapping[str, str]
    compared: Compared | None
    proof: Certificate | None
    syntheses: tuple[SynthesisReport, ...]
    judged: Judged | None
    histograms: Histograms | None
    others: Mapping[str, Judged]
    anomaly: Anomaly | None
    history: tuple[Mapping[str, Any], ...]
    missing: tuple[Missing, ...]

    @classmethod
    def of(cls, run: Run, words: Mapping[str, str]) -> "Findings":
        """Read what is in a run's folder.

        What cannot be read, or is of another encoder, counts as missing.
        """
        reader = _Reader(run)
        quantized = run.is_quantized
        compared = reader.read(
            Compared, layout.AGREEMENT, "Words are not compared", "csim", quantized
        )
        proof = reader.read(Certificate, layout.PROOF, "The RTL is not proven", "prove", quantized)
        syntheses = tuple(reader.syntheses()) if quantized else ()
        trained = not run.is_alone
        if proof is not None and is_stale(proof, syntheses):
            reader.miss("The certificate is of other Verilog than was synthesized.", "prove")
        judged = reader.read(
            Judged, layout.METRICS, "Residuals are not judged", "evaluate", trained
        )
        counted = reader.read(
            Histograms, layout.HISTOGRAMS, "Nothing is counted for figures", "evaluate", trained
        )
        return cls(
            run=run,
            words=words,
            compared=compared,
            proof=proof,
            syntheses=syntheses,
            judged=judged,
            histograms=counted,
            others=dict(reader.others()),
            anomaly=reader.anomaly(),
            history=run.history,
            missing=tuple(reader.missing),
        )

    def command(self, verb: str, *options: str) -> str:
        """Return the command of a verb on this run."""
        return command(self.run, verb, *options)


def is_stale(proof: Certificate, syntheses: Iterable[SynthesisReport]) -> bool:
    """Whether a certificate is of other Verilog than any that was synthesized."""
    sources = [report.sources for report in syntheses if report.sources]
    return bool(sources) and proof.sources not in sources


def command(run: Run, verb: str, *options: str) -> str:
    """Return the command of a verb on a run, as a shell takes it."""
    return shlex.join(("aefpga", verb, "--run", str(run.folder), *options))


@dataclass
class _Reader:
    """Reads a run's files, and keeps account of those that it could not read."""

    run: Run
    missing: list[Missing] = field(default_factory=list)

    def read(self, kind: type[T], name: str, what: str, verb: str, is_due: bool = True) -> T | None:
        path = self.run.folder / name
        if not path.exists():
            if is_due:
                self.miss(f"{what} yet.", verb)
            return None
        content = self._content(kind, path, verb)
        if content is None or self._is_current(content, path, verb):
            return content
        return None

    def syntheses(self) -> Iterator[SynthesisReport]:
        paths = sorted((self.run.folder / layout.REPORTS).glob("synthesis-*.json"))
        if not paths:
            self.miss("Nothing is synthesized yet.", "synthesize", "--part", self.run.firmware.part)
        for path in paths:
            report = self._content(SynthesisReport, path, "synthesize")
            if report is not None and self._is_current(report, path, "synthesize"):
                yield report

    def anomaly(self) -> Anomaly | None:
        trigger = self.run.spec.trigger if self.run.is_quantized else None
        path = self.run.folder / layout.ANOMALY
        if not path.exists():
            return None
        found = self._content(Anomaly, path, "anomaly")
        if found is not None and not found.is_of(trigger):
            self.miss(f"{layout.ANOMALY} is of another trigger.", "anomaly")
            return None
        return found

    def others(self) -> Iterator[tuple[str, Judged]]:
        for path in sorted((self.run.folder / layout.EVALUATIONS).glob(f"*/{layout.METRICS}")):
            judged = self._content(Judged, path, "evaluate", "--input", "JETS.root")
            if judged is not None:
                yield path.parent.name, judged

    def _content(self, kind: type[T], path: Path, verb: str, *options: str) -> T | None:
        try:
            return TypeAdapter(kind).validate_json(path.read_bytes())
        except (ValidationError, OSError, RecursionError) as error:
            where = path.relative_to(self.run.folder)
            self.miss(f"{where} cannot be read ({_first_problem(error)}).", verb, *options)
            return None

    def _is_current(self, content: object, path: Path, verb: str) -> bool:
        """Whether content that names an encoder names this run's."""
        named = getattr(content, "encoder_hash", None)
        if named is None or named == self.run.spec.hash:
            return True
        self.miss(f"{path.relative_to(self.run.folder)} is of another encoder.", verb)
        return False

    def miss(self, what: str, verb: str, *options: str) -> None:
        item = Missing(what, command(self.run, verb, *options))
        # One command makes all that it leaves.
        if item.command not in {m.command for m in self.missing}:
            self.missing.append(item)


def _first_problem(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")
    return str(error)
