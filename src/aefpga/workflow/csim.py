"""`csim`: the computations of one encoder, compared word for word, scores and bits too."""

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
    compare_all,
    first_difference,
)
from aefpga.fixedpoint import Emulator
from aefpga.fixedpoint.example import adversarial_counts
from aefpga.progress import Step, silent
from aefpga.runs import Run, layout
from aefpga.trainers.registry import reference

Words = NDArray[np.int64]


@dataclass(frozen=True)
class CsimResult:
    """The agreement of the computations that ran, and where the first two that differ part.

    `rtl_clock_period_ns` is what the RTL that was simulated had been made for.
    """

    encoder_hash: str
    computations: Sequence[str]
    jets: int
    adversarial: int
    agreements: Sequence[Agreement]
    difference: Difference | None
    skipped: Mapping[str, str]
    rtl_clock_period_ns: float | None

    @property
    def is_exact(self) -> bool:
        """Whether all computations gave the same words."""
        return all(a.is_exact for a in self.agreements)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content."""
        return {
            "encoder_hash": self.encoder_hash,
            "computations": list(self.computations),
            "jets": self.jets,
            "adversarial_jets": self.adversarial,
            "agreements": [a.to_dict() for a in self.agreements],
            "first_difference": None if self.difference is None else asdict(self.difference),
            "skipped": dict(self.skipped),
            "rtl_clock_period_ns": self.rtl_clock_period_ns,
        }


def csim(
    run: Run,
    projects: Path,
    *,
    without: Sequence[str] = (),
    max_jets: int | None = None,
    step: Step = silent,
) -> CsimResult:
    """Compare the computations of a run's encoder on its test split and adversarial quantities.

    All start from words on the firmware's ports. There are four, of an imported encoder three.
    Scores and trigger bits are compared among those that compute them, which a trainer's
    computation does not. What was found is kept with the run.

    Parameters
    ----------
    run : Run
        A quantized run.
    projects : Path
        Folder for the firmware projects. The RTL is compared as it was last made, for whatever part
        and clock; it is made for the run's if there is none, or it was changed.
    without : sequence of str
        Computations to leave out: ``keras``, ``hls`` or ``rtl``.
    max_jets : int or None
        Use at most this many test jets.
    """
    from aefpga.firmware import hls
    from aefpga.firmware.parts import find_part
    from aefpga.firmware.rtl_simulation import RtlSimulation
    from aefpga.workflow.rtl import last_rtl_of

    spec, firmware = run.spec, run.firmware
    jets, adversarial = run.test_quantities(max_jets), adversarial_counts(spec)
    counts = np.concatenate([jets, adversarial])
    words = spec.input.of_counts(counts)
    emulator = Emulator(spec)
    part, period = find_part(firmware.part).name, firmware.clock_period_ns
    options = hls.HlsOptions(
        part, period, firmware.reuse_factor, firmware.strategy, dsp=firmware.dsp
    )

    def keras() -> tuple[Computation, Words]:
        trained = reference(run)
        return trained, trained(words)

    def c_simulation() -> tuple[Computation, Words]:
        simulation = hls.CSimulation(spec, projects / run.name / "hls", options, jets)
        return simulation, simulation.encode(counts)

    def simulated_rtl() -> tuple[Computation, Words]:
        folder = projects / run.name / "rtl"
        simulation = RtlSimulation(last_rtl_of(spec, firmware, folder), folder)
        return simulation, simulation.encode(counts)

    skipped = dict.fromkeys(without, "left out by request")
    if run.is_alone:
        skipped["keras"] = "the encoder was imported: there is no trainer's computation of it"
    makers = {"keras": keras, "hls": c_simulation, "rtl": simulated_rtl}
    wanted = {key: make for key, make in makers.items() if key not in skipped}
    computations: dict[str, Computation] = {emulator.name: emulator}
    results = {emulator.name: emulator.outputs(words)}
    for done, (key, make) in enumerate(wanted.items()):
        step("computations", done, len(wanted), key)
        computation, found = make()
        computations[computation.name], results[computation.name] = computation, found
    step("computations", len(wanted), len(wanted))
    agreements = compare_all(results, spec.outputs)
    wrong = next((a for a in agreements if not a.is_exact), None)
    difference = None
    if wrong is not None and wrong.first_jet is not None:
        one, columns = slice(wrong.first_jet, wrong.first_jet + 1), spec.outputs[wrong.part]

        def traced(name: str) -> tuple[str, dict[str, Words]]:
            layers = computations[name].trace(words[one])
            return name, dict(zip((x.name for x in spec.layers), layers, strict=True))

        def outputs(name: str) -> tuple[str, dict[str, Words]]:
            return name, {wrong.part: results[name][one, columns]}

        if wrong.part == LATENT:
            difference = first_difference(traced(wrong.first), traced(wrong.second), words[one])
        # Where all layers agree on the input words, it is in front of them.
        difference = difference or first_difference(
            outputs(wrong.first), outputs(wrong.second), words[one]
        )
        difference = difference and replace(difference, jet=wrong.first_jet)
    simulated = [c for c in computations.values() if isinstance(c, RtlSimulation)]
    result = CsimResult(
        encoder_hash=spec.hash,
        computations=tuple(results),
        jets=len(jets),
        adversarial=len(adversarial),
        agreements=agreements,
        difference=difference,
        skipped=skipped,
        rtl_clock_period_ns=simulated[0].clock_period_ns if simulated else None,
    )
    write_json(run.folder / layout.AGREEMENT, result.to_dict())
    return result
