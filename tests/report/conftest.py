"""A tiny run with all that later verbs leave, made without what takes their time."""

import json
from pathlib import Path

import pytest
from tiny import copy_of, keep, synthesized

from aefpga.errors import ToolError
from aefpga.runs import layout
from aefpga.workflow import evaluate as evaluation
from aefpga.workflow.csim import csim
from aefpga.workflow.prove import prove

HOSTILE = '</script><script>window.boom = 1</script><img src=x onerror="window.boom = 1">'


@pytest.fixture(scope="session")
def whole_run(tiny_run, tmp_path_factory):
    """The tiny run: compared, proven, judged (here and on another file), and synthesized."""
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
    prove(run, folder / "projects", limit_seconds=60)
    keep(run, synthesized(run))
    return run


@pytest.fixture
def hostile_run(whole_run, tmp_path):
    """A run whose name, notes, symbols and units would be markup."""
    run = copy_of(whole_run, tmp_path / 'a"><img src=x onerror=window.boom=1>')
    path = run.folder / layout.METRICS
    content = json.loads(path.read_text())
    content["notes"] = [HOSTILE]
    content["record"] = HOSTILE
    for scheme in content["schemes"].values():
        for variable in scheme["variables"]:
            variable["symbol"] = f"${HOSTILE}$"
    path.write_text(json.dumps(content))
    return run
