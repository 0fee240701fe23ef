import tracemalloc

import awkward as ak
import numpy as np
import pytest
import uproot

from aefpga.data.inspect import inspect
from aefpga.data.jets import Jets
from aefpga.data.reader import filled_with_zeros, iterate_jets, read_jets
from aefpga.data.writer import read_provenance, write_jets
from aefpga.errors import DataError
from aefpga.variables import CATALOGUE, NAMES, VARIABLE_SETS

ENERGIES = [v.name for v in CATALOGUE if v.kind == "energy"][1:8]


def some_jets(n_events=20, seed=0, names=NAMES) -> Jets:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 5, n_events)
    values = rng.exponential(20, (counts.sum(), len(names))).astype(np.float32)
    return Jets(tuple(names), values, counts)


def test_own_files_round_trip(tmp_path):
    jets = some_jets()
    path = tmp_path / "jets.root"
    assert write_jets(path, [jets, some_jets(seed=1)], {"origin": "test"}) > len(jets)
    back = read_jets([str(path)], NAMES)
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
        write_jets(tmp_path / "jets.root", parts(), {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stem", ["recoPFJets_ak5PFJets__RECO", "recoPFJets_ak7PFJets__RECO"])
def test_aod_members_become_variables(tmp_path, stem):
    """AOD spells members with dots, behind `.obj.`; the values are told apart by their branch."""
    jets = some_jets()
    path = tmp_path / "aod.root"
    with uproot.recreate(path) as file:
        columns = {
            f"{stem}.obj.{v.aod}": ak.unflatten(
                np.ascontiguousarray(jets.column(v.name)), jets.counts
            )
            for v in CATALOGUE
        }
        file.mktree("Events", dict.fromkeys(columns, "var * float32"))
        file["Events"].extend(columns)
    back = read_jets([str(path)], NAMES)
    assert np.array_equal(back.values, jets.values)
    assert inspect(path).collections == (stem,)


def test_scouting_gives_all_of_the_24(shared_data):
    names = VARIABLE_SETS["24"]
    path = str(shared_data / "scouting_nano.root")
    jets = read_jets([path], names)
    assert len(jets) == 447
    assert filled_with_zeros([path], names) == ()
    neutral_em = jets.column("photon_energy") + jets.column("hf_em_energy")
    assert np.array_equal(jets.column("neutral_em_energy"), neutral_em)


def test_nano_energies_add_up_to_the_raw_jet(shared_data):
    path = shared_data / "nano_tt_v15.root"
    jets = read_jets([str(path)], NAMES)
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
    assert "photon_multiplicity" in filled_with_zeros([str(path)], VARIABLE_SETS["24"])


def test_old_nano_still_feeds_the_24(shared_data):
    path = str(shared_data / "nanoAOD_2015_CMS_Open_Data_ttbar.root")
    jets = read_jets([path], VARIABLE_SETS["24"])
    assert len(jets) == 537
    assert "charged_multiplicity" in filled_with_zeros([path], VARIABLE_SETS["24"])


def test_atlas_gives_the_four_momentum_in_gev(shared_data):
    path = str(shared_data / "PHYSLITE_example.root")
    jets = read_jets([path], VARIABLE_SETS["4"])
    assert 10 < np.median(jets.column("pt")) < 100
    with pytest.raises(DataError, match="smaller set with --variables"):
        read_jets([path], VARIABLE_SETS["24"])


def test_inspect_says_which_sets_a_file_feeds(shared_data):
    found = inspect(shared_data / "PHYSLITE_example.root")
    assert found.format == "ATLAS PHYSLITE"
    assert found.sets["4"] == ()
    assert found.sets["24"] is None
    assert {r.name for r in found.ranges} == set(VARIABLE_SETS["4"])


def test_memory_does_not_grow_with_the_file(tmp_path):
    def peak(n_parts: int) -> int:
        path = tmp_path / f"{n_parts}.root"
        write_jets(path, (some_jets(5000, seed, VARIABLE_SETS["4"]) for seed in range(n_parts)), {})
        tracemalloc.start()
        for _ in iterate_jets([str(path)], VARIABLE_SETS["4"]):
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
        read_jets([str(tmp_path / name)], VARIABLE_SETS["4"])


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_truncated_files_are_named(tmp_path, share):
    whole = tmp_path / "whole.root"
    write_jets(whole, [some_jets(2000)], {})
    cut = tmp_path / "cut.root"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
    with pytest.raises(DataError, match=r"cut\.root"):
        read_jets([str(cut)], NAMES)


def test_nan_is_named(tmp_path):
    jets = some_jets()
    jets.values[7, NAMES.index("mass")] = np.nan
    path = tmp_path / "jets.root"
    write_jets(path, [jets], {})
    with pytest.raises(DataError, match="1 NaN or infinite values, first in mass"):
        read_jets([str(path)], NAMES)


def test_missing_branches_name_the_nearest(tmp_path):
    path = tmp_path / "jets.root"
    write_jets(path, [some_jets(names=("pt", "eta", "phi"))], {})
    with pytest.raises(DataError, match="cannot give mass"):
        read_jets([str(path)], VARIABLE_SETS["4"])


def test_unknown_collections_name_what_there_is(tmp_path):
    path = tmp_path / "jets.root"
    write_jets(path, [some_jets()], {})
    with pytest.raises(DataError, match="no jet collection FatJet"):
        read_jets([str(path)], NAMES, "FatJet")
