"""A tiny run with all that later verbs leave, made without what takes their time."""

from pathlib import Path

import pytest
from tiny import copy_of, keep, synthesized

from aefpga.errors import ToolError
from aefpga.workflow import evaluate as evaluation
from aefpga.workflow.csim import csim


@pytest.fixture(scope="session")
def whole_run(tiny_run, tmp_path_factory):
    """The tiny run: compared, judged (here and on another file), and synthesized."""
    folder = tmp_path_factory.mktemp("whole")
    run = copy_of(tiny_run, folder / "runs" / "tiny")

    def missing(*arguments):
        raise ToolError("not in these tests")

    with pytest.MonkeyPatch.context() as patch:
        # Pictures and a compiler take most of the time, and the page needs neither.
        patch.setattr(evaluation, "_plot", lambda *arguments: None)
        patch.setattr("aefpga.firmware.hls.CSimulation", missing)
        evaluation.evaluate(run)
        sample = Path(evaluation.__file__).parents[1] / "data/embedded_jets.root"
        evaluation.evaluate(run, inputs=[str(sample)], max_records=400)
    csim(run, folder / "projects", without=("hls", "rtl"), max_jets=200)
    keep(run, synthesized(run))
    return run
