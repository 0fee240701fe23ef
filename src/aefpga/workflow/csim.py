"""`csim`: the computations of one encoder, compared word for word, scores and bits too."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.files import write_json
from aefpga.firmware.agreement import (
    LATENT,
    Agreement,
    Computation,
    Difference,
    Firmware,
    compare_all,
    first_difference,
)
from aefpga.fixedpoint import Emulator
from aefpga.fixedpoint.example import adversarial_words
from aefpga.progress import Step, silent
from aefpga.runs import Run, layout
from aefpga.trainers.registry import reference

Words = NDArray[np.int64]


@dataclass(frozen=True)
class CsimResult:
    """The agreement of all computations, and where the first two that differ part."""

    encoder_hash: str
    jets: int
    adversarial: int
    agreements: Sequence[Agreement]
    difference: Difference | None
    skipped: Mapping[str, str]

    @property
    def is_exact(self) -> bool:
        """Whether all computations gave the same words."""
        return all(a.is_exact for a in self.agreements)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return {
            "encoder_hash": self.encoder_hash,
            "jets": self.jets,
            "adversarial_jets": self.adversarial,
            "agreements": [a.to_dict() for a in self.agreements],
            "first_difference": None if self.difference is None else asdict(self.difference),
            "skipped": dict(self.skipped),
        }


def csim(
    run: Run,
    projects: Path,
    *,
    without: Sequence[str] = (),
    max_jets: int | None = None,
    step: Step = silent,
) -> CsimResult:
    """Compare the four computations of a run's encoder on its test split and adversarial words.

    Of an imported encoder there are three. Scores and trigger bits are compared among those that
    compute them, which a trainer's computation does not. What was found is kept with the run.

    Parameters
    ----------
    run : Run
        A quantized run.
    projects : Path
        Folder for the firmware projects, made or made again here.
    without : sequence of str
        Computations to leave out: ``keras``, ``hls`` or ``rtl``.
    max_jets : int or None
        Use at most this many test jets.
    """
    from aefpga.firmware import hls, rtl
    from aefpga.firmware.parts import find_part

    spec, firmware = run.spec, run.firmware
    jets, adversarial = run.test_words(max_jets), adversarial_words(spec)
    words = np.concatenate([jets, adversarial])
    emulator = Emulator(spec)
    part, period = find_part(firmware.part).name, firmware.clock_period_ns
    options = hls.HlsOptions(
        part, period, firmware.reuse_factor, firmware.strategy, dsp=firmware.dsp
    )
    with tempfile.TemporaryDirectory() as scratch:

        def keras() -> Any:
            return reference(run)

        def c_simulation() -> Any:
            hls.write_project(spec, projects / run.name / "hls", options, jets)
            return hls.CSimulation(spec, Path(scratch) / "hls", options)

        def simulated_rtl() -> Any:
            folder = projects / run.name / "rtl"
            adders, dsp = firmware.adders_per_stage, firmware.dsp
            made = rtl.make_project(spec, period, folder, part, adders, dsp=dsp)
            return rtl.RtlSimulation(made, folder)

        makers = {"keras": keras, "hls": c_simulation, "rtl": simulated_rtl}
        skipped = dict.fromkeys(without, "left out by request")
        if run.is_alone:
            skipped["keras"] = "the encoder was imported: there is no trainer's computation of it"
        wanted = {key: make for key, make in makers.items() if key not in skipped}
        computations: dict[str, Any] = {emulator.name: emulator}
        for done, make in enumerate(wanted.values()):
            step("four computations", done, len(wanted))
            computation = make()
            computations[computation.name] = computation
        step("four computations", len(wanted), len(wanted))
        results = {name: _outputs(compute, words) for name, compute in computations.items()}
        agreements = compare_all(results, spec.outputs)
        wrong = next((a for a in agreements if not a.is_exact), None)
        difference = None
        if wrong is not None and wrong.first_jet is not None:
            one = slice(wrong.first_jet, wrong.first_jet + 1)

            def traced(name: str) -> tuple[str, dict[str, Words]]:
                if wrong.part == LATENT:
                    layers = computations[name].trace(words[one])
                    return name, dict(zip((x.name for x in spec.layers), layers, strict=True))
                return name, {wrong.part: results[name][one, spec.outputs[wrong.part]]}

            difference = first_difference(traced(wrong.first), traced(wrong.second), words[one])
            difference = difference and replace(difference, jet=wrong.first_jet)
    found = CsimResult(spec.hash, len(jets), len(adversarial), agreements, difference, skipped)
    write_json(run.folder / layout.AGREEMENT, found.to_dict())
    return found


def _outputs(computation: Computation, words: Words) -> Words:
    """Return all outputs of a computation: a trainer's has latent words alone."""
    return computation.outputs(words) if isinstance(computation, Firmware) else computation(words)
