"""Events: what their schema says, and the toolkit's own files of them."""

import numpy as np
import pytest
import uproot

from aefpga.codec.archive import Archive
from aefpga.codec.bounds import Profile
from aefpga.codec.corrections import Corrector
from aefpga.data.inspect import inspect
from aefpga.data.reader import iterate_records, read_records
from aefpga.data.records import Records
from aefpga.data.writer import write_records
from aefpga.errors import UsageError
from aefpga.evaluation.metrics import judge
from aefpga.normalise import Normaliser
from aefpga.schema import EVENTS
from aefpga.schema.relations import consistent, present
from aefpga.trainers.calibrate import fit_input
from aefpga.workflow.compress import Settings, compress, decompress

USUAL = EVENTS.choose()


def some_events(n_events=50, seed=3) -> Records:
    """Events of MET, one electron in two, and two jets."""
    rng = np.random.default_rng(seed)
    values = np.zeros((n_events, len(USUAL)), np.float32)
    for name, share in (("met", 1.0), ("e1", 0.5), ("j1", 1.0), ("j2", 0.7)):
        there = rng.random(n_events) < share
        for quantity, column in (
            ("pt", rng.uniform(20, 90, n_events)),
            ("eta", rng.normal(size=n_events)),
            ("phi", rng.uniform(-3, 3, n_events)),
        ):
            values[:, USUAL.index(f"{name}_{quantity}")] = column * there
    values[:, USUAL.index("met_eta")] = 0
    said = {
        "process": rng.choice(["w", "ttbar"], n_events),
        "weight": rng.uniform(0, 2, n_events).astype(np.float32),
    }
    return Records(USUAL, values, np.ones(n_events, np.int64), said)


def test_usual_events_are_19_objects():
    assert len(USUAL) == 57
    assert USUAL.names[:4] == ("met_pt", "met_eta", "met_phi", "e1_pt")
    assert USUAL.names[-1] == "j10_phi"


def test_other_numbers_of_objects_are_asked_for_by_patterns():
    few = EVENTS.choose("met_pt, met_phi, mu[1-2]_*, j?_pt")
    assert few.names[:3] == ("met_pt", "met_phi", "mu1_pt")
    assert few.names[-1] == "j9_pt"
    assert len(few) == 2 + 6 + 9
    with pytest.raises(UsageError, match="events have no variable tau"):
        EVENTS.choose("tau*_pt")


def test_what_is_absent_is_zero_after_decoding():
    table = EVENTS.select(("e1_pt", "e1_eta", "j1_pt", "j1_phi", "met_pt", "met_phi"))
    decoded = np.array([[1.4, 0.3, 7.6, 1.0, 0.2, 2.0], [1.6, 0.3, 7.4, 1.0, 0, 2.0]], np.float32)
    expected = [[0, 0, 7.6, 1.0, 0.2, 2.0], [1.6, 0.3, 0, 0, 0, 0]]
    np.testing.assert_array_equal(consistent(table, decoded), np.array(expected, np.float32))
    assert present(table, decoded).sum() == 6
    # Of an object whose pt nobody had nothing is known.
    np.testing.assert_array_equal(consistent(table, decoded, ("e1_pt", "j1_pt", "met_pt")), decoded)


def test_corrections_leave_no_ghosts():
    """A decoder finds an object where there is none; what corrects it may stop short of 0."""
    schema = EVENTS.select(("e1_pt", "e1_eta", "e2_pt", "e2_eta"))
    original = np.array([[0, 0, 30, 1.5], [25, -0.5, 0, 0]], np.float32)
    decoded = np.array([[2, 0.3, 29, 1.4], [24, -0.4, 3.3, 0.7]], np.float32)
    corrector = Corrector(Profile.relative(0.01), schema)
    steps, _ = corrector.steps(original, decoded, np.zeros(original.shape, bool))
    back = corrector.corrected(decoded, steps)
    np.testing.assert_array_equal(back == 0, original == 0)
    assert corrector.profile.within(schema, original, back).all()


def test_angles_of_absent_objects_are_not_judged():
    events = some_events()
    back = events.values.copy()
    back[:, USUAL.index("e1_eta")] += 0.1 * (events.column("e1_pt") > 0)
    normaliser = Normaliser("min-max", USUAL).fit(events.values)
    quality = judge(events.values, back, USUAL, normaliser)
    assert quality.variable("e1_eta").residual.records == (events.column("e1_pt") > 0).sum()
    assert quality.variable("e1_eta").residual.median == pytest.approx(0.1, rel=1e-4)
    assert quality.variable("e4_eta").residual.records == 0


def test_objects_of_a_kind_have_one_range():
    """An electron that training never saw would else be one bit wide."""
    events = some_events()
    source = fit_input(events.values, USUAL, 14)
    place = {name: i for i, name in enumerate(USUAL.names)}
    for quantity in ("pt", "eta", "phi"):
        seen, unseen = place[f"e1_{quantity}"], place[f"e4_{quantity}"]
        assert source.type.width[seen] == source.type.width[unseen] == 14
        assert source.exponent[seen] == source.exponent[unseen] > 0
    assert source.type.width[place["mu1_pt"]] == source.type.width[place["met_eta"]] == 1


def test_own_files_keep_weights_and_processes_and_are_flat(tmp_path):
    events, path = some_events(), tmp_path / "events.root"
    write_records(path, [events.between(0, 20), events.between(20, 50)], {})
    with uproot.open(path) as file:
        assert file["events"]["met_pt"].array(library="np").dtype == np.float32
    back = Records.concatenate(list(iterate_records([str(path)], with_events=True)))
    np.testing.assert_array_equal(back.values, events.values)
    assert (back.counts == 1).all()
    for name, column in events.events.items():
        np.testing.assert_array_equal(back.events[name], column)
    assert inspect(path).records == 50
    fewer = read_records([str(path)], EVENTS.choose("met_*,j1_*"))
    assert fewer.schema.names == ("met_pt", "met_eta", "met_phi", "j1_pt", "j1_eta", "j1_phi")


def test_what_is_cut_leaves_no_event_behind():
    events = some_events()
    kept = events.keep(events.column("e1_pt") > 0)
    assert len(kept.counts) == len(kept) == len(kept.events["process"])
    np.testing.assert_array_equal(
        kept.events["weight"], events.events["weight"][events.column("e1_pt") > 0]
    )


def test_files_of_events_are_compressed_within_bounds(tmp_path):
    events, path = some_events(3000), tmp_path / "events.root"
    write_records(path, [events], {})
    profile = Profile.relative(0.01)
    compress(None, [str(path)], tmp_path / "e.aejets", Settings(record=EVENTS, profile=profile))
    decompress(Archive(tmp_path / "e.aejets"), tmp_path / "back.root")
    [back] = iterate_records([str(tmp_path / "back.root")], with_events=True)
    assert profile.within(USUAL, events.values, back.values).all()
    momenta = [i for i, name in enumerate(USUAL.names) if name.endswith("_pt")]
    absent = events.values[:, momenta] == 0
    np.testing.assert_array_equal(back.values[:, momenta] == 0, absent)
    np.testing.assert_array_equal(back.events["process"], events.events["process"])
    np.testing.assert_array_equal(back.events["weight"], events.events["weight"])
