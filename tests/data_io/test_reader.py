import tracemalloc
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from aefpga.data.formats.jets import Aod
from aefpga.data.inspect import Feed, inspect
from aefpga.data.reader import (
    CHUNK_EVENTS,
    iterate_records,
    lacking,
    read_records,
)
from aefpga.data.records import Records
from aefpga.data.sources.root import plain_names
from aefpga.data.writer import read_provenance, write_records
from aefpga.errors import DataError
from aefpga.schema import JETS, KINDS

ENERGIES = [v.name for v in JETS.variables if v.kind == KINDS["energy"]][1:8]
MEMBERS = Aod._MEMBERS


def write_tree(path, name, columns):
    with uproot.recreate(path) as file:
        file.mktree(name, dict.fromkeys(columns, "var * float32"))
        file[name].extend(columns)


def some_jets(n_events=20, seed=0, schema=JETS) -> Records:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 5, n_events)
    values = rng.exponential(20, (counts.sum(), len(schema))).astype(np.float32)
    return Records(schema, values, counts)


def test_own_files_round_trip(tmp_path):
    jets = some_jets()
    path = tmp_path / "jets.root"
    assert write_records(path, [jets, some_jets(seed=1)], {"origin": "test"}) > len(jets)
    back = read_records([str(path)], JETS)
    assert np.array_equal(back.values[: len(jets)], jets.values)
    assert np.array_equal(back.counts[: len(jets.counts)], jets.counts)
    provenance = read_provenance(path)
    assert provenance["origin"] == "test"
    assert provenance["units"]["pt"] == "GeV"


def test_an_interrupted_write_leaves_nothing(tmp_path):
    def parts():
        yield some_jets()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_records(tmp_path / "jets.root", parts(), {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stem", ["recoPFJets_ak5PFJets__RECO", "recoPFJets_ak7PFJets__RECO"])
def test_aod_members_become_variables(tmp_path, stem):
    """AOD spells members with dots, behind `.obj.`; the values are told apart by their branch."""
    jets = some_jets()
    path = tmp_path / "aod.root"
    columns = {
        f"{stem}.obj.{member}": ak.unflatten(np.ascontiguousarray(jets.column(name)), jets.counts)
        for name, member in MEMBERS.items()
    }
    write_tree(path, "Events", columns)
    back = read_records([str(path)], JETS)
    assert np.array_equal(back.values, jets.values)
    assert inspect(path).collections == (stem,)


def test_aod_branches_are_found_where_cms_nests_them():
    """`uproot` writes no nested branches: a stand-in answers as it does on AOD files."""

    class Tree:
        def keys(self, recursive):
            assert recursive
            top = "recoPFJets_ak5PFJets__RECO."
            yield from (top, f"{top}/{top}present", f"{top}/{top}obj")
            yield from (f"{top}/{top}obj/{top}obj.{m}" for m in MEMBERS.values())

    branches = plain_names(Tree())
    assert Aod.collections(branches) == ["recoPFJets_ak5PFJets__RECO"]
    assert set(Aod("recoPFJets_ak5PFJets__RECO", branches).available()) == set(JETS.names)
    name = "recoPFJets_ak5PFJets__RECO.obj.m_specific.mHFEMEnergy"
    assert branches[name] == f"recoPFJets_ak5PFJets__RECO./recoPFJets_ak5PFJets__RECO.obj/{name}"


def test_aod_collections_are_jets_particle_flow_first(tmp_path):
    kinematics = {f"{m}_": ak.Array([[1.0], []]) for m in ("pt", "eta", "phi", "mass")}
    members = {
        "recoCaloJets_ak5CaloJets__RECO": {**kinematics, "mJetArea": ak.Array([[1.0], []])},
        "recoMuons_muons__RECO": kinematics,
        "recoPFJets_ak7PFJets__RECO": {m: ak.Array([[1.0], []]) for m in MEMBERS.values()},
    }
    columns = {f"{s}.obj.{m}": a for s, found in members.items() for m, a in found.items()}
    path = tmp_path / "aod.root"
    write_tree(path, "Events", columns)
    found = inspect(path)
    assert found.collection == "recoPFJets_ak7PFJets__RECO"
    assert found.collections == ("recoPFJets_ak7PFJets__RECO", "recoCaloJets_ak5CaloJets__RECO")
    for spelled in ("recoPFJets_ak7PFJets__RECO.", "recoPFJets_ak7PFJets__RECO.obj"):
        assert len(read_records([str(path)], JETS, spelled)) == 1


def test_scouting_gives_all_of_the_24(shared_data):
    names = JETS.choose("24")
    path = str(shared_data / "scouting_nano.root")
    jets = read_records([path], names)
    assert len(jets) == 447
    assert lacking([path], names) == ()
    neutral_em = jets.column("photon_energy") + jets.column("hf_em_energy")
    assert np.array_equal(jets.column("neutral_em_energy"), neutral_em)


def test_nano_energies_add_up_to_the_raw_jet(shared_data):
    path = shared_data / "nano_tt_v15.root"
    jets = read_records([str(path)], JETS)
    tree = uproot.open(path)["Events"]
    pt, eta, mass, factor = (
        ak.to_numpy(ak.flatten(tree[f"Jet_{b}"].array())).astype(float)
        for b in ("pt", "eta", "mass", "rawFactor")
    )
    raw = (1 - factor) * np.sqrt((pt * np.cosh(eta)) ** 2 + mass**2)
    total = sum(jets.column(name) for name in ENERGIES)
    # NanoAOD keeps fractions to about 1 %.
    assert np.allclose(total, raw, rtol=0.03)
    forward = np.abs(eta) > 3.2
    assert jets.column("hf_hadron_energy")[forward].sum() > 0
    assert jets.column("neutral_hadron_energy")[forward].sum() < 0.05 * total[forward].sum()
    assert "photon_multiplicity" in lacking([str(path)], JETS.choose("24"))


def test_a_skim_of_nano_without_raw_factors_gives_the_four_momentum(tmp_path):
    names = JETS.choose("4").names
    jets = {f"Jet_{name}": ak.Array([[50.0, 30], [], [20]]) for name in names}
    others = {"FatJet_pt": ak.Array([[1.0], [], []]), "Muon_mass": ak.Array([[1.0], [], []])}
    write_tree(tmp_path / "skim.root", "Events", jets | others)
    found = inspect(tmp_path / "skim.root")
    assert (found.format, found.collections) == ("CMS NanoAOD", ("Jet",))
    path = [str(tmp_path / "skim.root")]
    assert read_records(path, JETS.choose("4")).column("pt").tolist() == [50, 30, 20]
    with pytest.raises(DataError, match=r"Jet_rawFactor.*is missing.*--variables"):
        read_records(path, JETS.choose("24"))


def test_counters_are_no_collections(shared_data):
    found = inspect(shared_data / "nano_tt_v15.root")
    assert found.collections == ("FatJet", "Jet", "SubJet")


def test_old_nano_still_feeds_the_24(shared_data):
    path = str(shared_data / "nanoAOD_2015_CMS_Open_Data_ttbar.root")
    jets = read_records([path], JETS.choose("24"))
    assert len(jets) == 537
    assert "charged_multiplicity" in lacking([path], JETS.choose("24"))


def test_atlas_gives_the_four_momentum_in_gev(shared_data):
    path = str(shared_data / "PHYSLITE_example.root")
    jets = read_records([path], JETS.choose("4"))
    assert 10 < np.median(jets.column("pt")) < 100
    with pytest.raises(DataError, match="smaller set with --variables"):
        read_records([path], JETS.choose("24"))


def test_inspect_says_which_sets_a_file_feeds(shared_data):
    found = inspect(shared_data / "PHYSLITE_example.root")
    assert found.format == "ATLAS PHYSLITE"
    assert found.sets["4"] == Feed(can_be_read=True, missing=())
    assert not found.sets["24"].can_be_read
    assert (found.record, found.ranges[0].unit) == ("jets", "GeV")
    assert {r.name for r in found.ranges} == set(JETS.choose("4").names)


def test_memory_does_not_grow_with_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr("aefpga.data.reader.CHUNK_EVENTS", 5000)

    def peak(n_parts: int) -> int:
        path = tmp_path / f"{n_parts}.root"
        write_records(
            path, (some_jets(5000, seed, JETS.choose("4")) for seed in range(n_parts)), {}
        )
        tracemalloc.start()
        for _ in iterate_records([str(path)], JETS.choose("4")):
            pass
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(12) < 2 * peak(3)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("missing.root", None, "there is no file"),
        ("*.nothing", None, "no file matches"),
        ("text.root", b"these are not jets", "cannot be read as a ROOT file"),
        ("empty.root", b"", "cannot be read as a ROOT file"),
    ],
)
def test_bad_files_are_named(tmp_path, name, content, expected):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=expected):
        read_records([str(tmp_path / name)], JETS.choose("4"))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_truncated_files_are_named(tmp_path, share):
    whole = tmp_path / "whole.root"
    write_records(whole, [some_jets(2000)], {})
    cut = tmp_path / "cut.root"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
    with pytest.raises(DataError, match=r"cut\.root"):
        read_records([str(cut)], JETS)


def test_damaged_bytes_are_refused_or_change_nothing(tmp_path):
    """Damage inside compressed baskets surfaces as zlib's and LZMA's own exceptions."""
    whole = tmp_path / "whole.root"
    write_records(whole, [some_jets(500, schema=JETS.choose("4"))], {})
    good = np.frombuffer(whole.read_bytes(), np.uint8)
    values = read_records([str(whole)], JETS.choose("4")).values
    rng = np.random.default_rng(1)
    messages = []
    for _ in range(40):
        damaged = good.copy()
        start = rng.integers(0, len(good) - 50)
        damaged[start : start + 50] = rng.integers(0, 256, 50)
        path = tmp_path / "damaged.root"
        path.write_bytes(damaged.tobytes())
        try:
            # Much of a ROOT file is not needed to read it, and may be anything.
            assert np.array_equal(read_records([str(path)], JETS.choose("4")).values, values)
        except DataError as error:
            messages.append(str(error))
    assert len(messages) >= 10
    assert all("damaged.root" in message for message in messages)


def test_a_tree_without_events_is_named(tmp_path):
    path = tmp_path / "none.root"
    with uproot.recreate(path) as file:
        file.mktree("jets", {"pt": "var * float32"})
    with pytest.raises(DataError, match=r"no event in .*none\.root"):
        read_records([str(path)], JETS.select(("pt",)))


def test_a_histogram_of_the_same_name_is_no_tree(tmp_path):
    path = tmp_path / "hist.root"
    with uproot.recreate(path) as file:
        file["jets"] = np.histogram([1.0, 2.0])
    with pytest.raises(DataError, match="no jets in a known format"):
        read_records([str(path)], JETS.select(("pt",)))


def test_one_number_an_event_is_no_jet_collection(tmp_path):
    path = tmp_path / "flat.root"
    with uproot.recreate(path) as file:
        file["jets"] = {"pt": np.ones(3, np.float32)}
    with pytest.raises(DataError, match="branch pt holds float32 for each event"):
        read_records([str(path)], JETS.select(("pt",)))


def test_branches_that_disagree_on_the_jets_are_named(tmp_path):
    """As many in all, but not event by event: read on, the values would mix jets."""
    path = tmp_path / "jets.root"
    columns = {"pt": ak.Array([[1.0], [2.0, 3.0]]), "eta": ak.Array([[1.0, 2.0], [3.0]])}
    write_tree(path, "jets", columns)
    with pytest.raises(DataError, match="in event 0 branch eta holds 2 jets and pt holds 1"):
        read_records([str(path)], JETS.select(("pt", "eta")))


def test_what_a_format_lacks_alone_is_zeros(shared_data):
    jets = read_records([str(shared_data / "scouting_nano.root")], JETS.select(("vertex_x",)))
    assert jets.values.shape == (447, 1)
    assert not jets.values.any()
    assert jets.filled == ("vertex_x",)


def test_what_files_lack_is_named_and_stays_named(tmp_path):
    """Zeros that no file holds are told from those that one does."""
    with_counts = JETS.select(("pt", "eta", "muon_multiplicity", "photon_multiplicity"))
    paths = [str(tmp_path / name) for name in ("all.root", "less.root")]
    write_records(Path(paths[0]), [some_jets(schema=with_counts)], {})
    write_records(Path(paths[1]), [some_jets(schema=with_counts.select(with_counts.names[:3]))], {})
    assert lacking(paths[:1], with_counts) == ()
    assert lacking(paths, with_counts) == ("photon_multiplicity",)
    with pytest.raises(DataError, match="only one of them has photon_multiplicity"):
        lacking(paths, with_counts, alike=True)
    read = read_records(paths, with_counts)
    assert read.filled == ("photon_multiplicity",)
    assert read.between(0, 3).keep(np.ones(read.counts[:3].sum(), bool)).filled == read.filled
    assert read.select(("eta", "photon_multiplicity")).filled == read.filled
    assert read.select(("eta", "pt")).filled == ()


@pytest.mark.parametrize("limit", [1, 7, 300, 9_000, 9_999, 10**9])
def test_at_most_as_many_as_asked_for_in_whole_events(tmp_path, monkeypatch, limit):
    """Over the ends of chunks and files: not one too many, and no event could still be added."""
    monkeypatch.setattr("aefpga.data.reader.CHUNK_EVENTS", 5000)
    rng = np.random.default_rng(3)
    counts = rng.integers(0, 2, 12_000)
    counts[[40, 41]] = 12, 0
    numbers = np.arange(counts.sum(), dtype=np.float32)
    table = Records(JETS.select(("pt",)), numbers[:, None], counts)
    paths = [str(tmp_path / name) for name in ("a.root", "b.root")]
    write_records(Path(paths[0]), [table.between(0, 7_000)], {})
    write_records(Path(paths[1]), [table.between(7_000, 12_000)], {})
    read = read_records(paths, table.schema, max_records=limit)
    assert np.array_equal(read.values[:, 0], np.arange(len(read)))
    assert np.array_equal(read.counts, counts[: len(read.counts)])
    following = counts[len(read.counts) :]
    assert len(read) <= limit
    assert len(read) == limit or len(following) == 0 or len(read) + following[0] > limit


def test_an_event_with_more_than_asked_for_is_named(tmp_path):
    schema, path = JETS.select(("pt",)), tmp_path / "j.root"
    write_records(path, [Records(schema, np.ones((5, 1), np.float32), np.array([0, 5]))], {})
    with pytest.raises(DataError, match=r"j\.root .* any jets has 5, more than the 4 asked"):
        read_records([str(path)], schema, max_records=4)
    assert len(read_records([str(path)], schema, max_records=5)) == 5


def test_a_tree_without_events_says_what_it_keeps_of_them(tmp_path):
    path = tmp_path / "none.root"
    with uproot.recreate(path) as file:
        file.mktree("jets", {"run": "uint32", "pt": "var * float32"})
    (only,) = iterate_records([str(path)], JETS.select(("pt",)), with_events=True)
    assert (len(only), only.counts.shape, only.events["run"].dtype) == (0, (0,), np.uint32)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_named_with_their_event(tmp_path, value):
    jets = some_jets(CHUNK_EVENTS + 1000)
    row = len(jets) - 100
    event = int(np.repeat(np.arange(len(jets.counts)), jets.counts)[row])
    assert event > CHUNK_EVENTS
    jets.values[row, JETS.index("mass")] = value
    path = tmp_path / "jets.root"
    write_records(path, [jets], {})
    expected = rf"jets\.root: 1 NaN or infinite values, first in mass .* in event {event},"
    with pytest.raises(DataError, match=expected):
        read_records([str(path)], JETS)


def test_missing_branches_name_the_nearest(tmp_path):
    path = tmp_path / "jets.root"
    write_records(path, [some_jets(schema=JETS.select(("pt", "eta", "phi")))], {})
    with pytest.raises(DataError, match="cannot give mass"):
        read_records([str(path)], JETS.choose("4"))


def test_unknown_collections_name_what_there_is(tmp_path):
    path = tmp_path / "jets.root"
    write_records(path, [some_jets()], {})
    with pytest.raises(DataError, match="no collection FatJet; it holds jets"):
        read_records([str(path)], JETS, "FatJet")
