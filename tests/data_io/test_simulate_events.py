from dataclasses import asdict, replace
from itertools import islice

import numpy as np
import pytest
from typer.testing import CliRunner

from aefpga.cli import app
from aefpga.data.reader import iterate_records, read_records
from aefpga.data.records import Records
from aefpga.data.sample import BACKGROUND, SIGNALS, sample_path, signals_path
from aefpga.data.simulate import EventSimulation, simulator_versions
from aefpga.data.simulate.events import BLOCK_EVENTS, MIXTURES, TRIGGER_PT
from aefpga.data.simulate.events import SIGNALS as SIGNAL_PROCESSES
from aefpga.data.writer import read_provenance
from aefpga.errors import UsageError
from aefpga.schema import EVENTS

MET = EVENTS.select(("met_pt",))

pytest.importorskip("pythia8mc", reason="simulation needs the extra `simulate`")
pytest.importorskip("fastjet", reason="simulation needs the extra `simulate`")


def momenta(events, kind, most):
    return np.stack([events.column(f"{kind}{i}_pt") for i in range(1, most + 1)], axis=1)


@pytest.mark.parametrize("path", [sample_path("events"), signals_path()])
def test_events_pass_the_trigger_in_order_of_pt(path):
    events = read_records([str(path)], EVENTS.choose())
    electrons, muons, jets = (momenta(events, *k) for k in (("e", 4), ("mu", 4), ("j", 10)))
    assert (np.maximum(electrons[:, 0], muons[:, 0]) > TRIGGER_PT).all()
    for each, least in ((electrons, 3), (muons, 3), (jets, 15)):
        assert (np.diff(each, axis=1) <= 0).all()
        assert ((each == 0) | (each > least)).all()
    assert (np.abs(events.column("j1_eta")) < 4).all()
    assert (jets[:, 1] > 0).any()
    assert (events.column("met_eta") == 0).all()
    assert (events.column("met_pt") > 0).all()


@pytest.mark.parametrize(
    ("sample", "path", "events"),
    [(BACKGROUND, sample_path("events"), 5), (SIGNALS, signals_path(), 3)],
)
def test_the_embedded_events_are_what_their_commands_make(sample, path, events):
    provenance = read_provenance(path)
    assert provenance["simulation"] == asdict(sample)
    if provenance["versions"] != simulator_versions():
        pytest.skip(f"the sample was made with {provenance['versions']}")
    made = replace(sample, events=events).block(0)
    [kept] = islice(iterate_records([str(path)], with_events=True), 1)
    np.testing.assert_array_equal(made.values, kept.values[:events])
    np.testing.assert_array_equal(made.events["process"], kept.events["process"][:events])


def test_the_embedded_events_are_enough_in_small_files():
    events = Records.concatenate(list(iterate_records([str(sample_path("events"))], MET)))
    assert len(events) == BACKGROUND.events
    labels = np.concatenate(
        [
            part.events["process"]
            for part in iterate_records([str(signals_path())], MET, with_events=True)
        ]
    )
    assert dict(zip(*np.unique(labels, return_counts=True), strict=True)) == dict.fromkeys(
        SIGNAL_PROCESSES, 2000
    )
    assert sample_path("events").stat().st_size + signals_path().stat().st_size <= 10_000_000


def test_the_background_is_mixed_by_its_shares():
    labels = EventSimulation("background", BLOCK_EVENTS)._labels(3)
    names, counts = np.unique(labels, return_counts=True)
    shares = dict(zip(names.tolist(), (counts / BLOCK_EVENTS).tolist(), strict=True))
    few = EventSimulation("background", 100)._labels(3)
    np.testing.assert_array_equal(few, labels)
    assert shares == pytest.approx(MIXTURES["background"], abs=1 / BLOCK_EVENTS)


def test_the_command_writes_labels_weights_and_where_they_come_from(tmp_path):
    path = tmp_path / "w.root"
    words = ["data", "simulate", "--record", "events", "--process", "w", "--events", "5"]
    result = CliRunner().invoke(app, [*words, "--processes", "1", "--output", str(path)])
    assert result.exit_code == 0, result.output
    assert "5 events in" in result.output
    [events] = iterate_records([str(path)], with_events=True)
    assert events.events["process"].tolist() == ["w"] * 5
    assert events.events["weight"].tolist() == [1.0] * 5
    made = {"process": "w", "events": 5, "seed": 1}
    assert read_provenance(path)["simulation"] == made


def test_unknown_process_of_events():
    with pytest.raises(UsageError, match=r"lq-btau, or of the mixtures background, signals"):
        EventSimulation("wz-jets")
