"""NanoAOD as RNTuple is read like NanoAOD as TTree, to the bit."""

import awkward as ak
import numpy as np
import pytest
import uproot

from aefpga.data.inspect import inspect
from aefpga.data.reader import iterate_records, read_records, source_bytes
from aefpga.data.sources.root import plain_names
from aefpga.schema import JETS

FIELDS = ("pt", "eta", "phi", "mass", "area", "rawFactor", "chHEF", "neHEF", "neEmEF", "chEmEF")
FIELDS += ("muEF", "hfHEF", "hfEmEF", "nElectrons", "nMuons", "chMultiplicity", "neMultiplicity")


def flat(jets):
    return {f"Jet_{field}": jets[field] for field in ak.fields(jets)}


def nested(jets):
    return {"Jet": jets}


def write(path, fields, parts):
    """Write in as many clusters as there are parts."""
    with uproot.recreate(path) as file:
        file.mkrntuple("Events", fields(parts[0]) | {"run": np.full(len(parts[0]), 1, np.uint32)})
        for part in parts[1:]:
            file["Events"].extend(fields(part) | {"run": np.full(len(part), 2, np.uint32)})


def some_jets(n_events, seed=0):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 6, n_events)
    columns = {n: rng.exponential(1, counts.sum()).astype(np.float32) for n in FIELDS}
    return ak.unflatten(ak.zip(columns), counts)


def test_real_jets_are_the_same_as_in_the_tree(tmp_path, shared_data):
    tree = str(shared_data / "nano_tt_v15.root")
    expected = next(iterate_records([tree], JETS.choose("24"))).between(0, 60)
    branches = uproot.open(tree)["Events"].arrays([f"Jet_{n}" for n in FIELDS], entry_stop=60)
    jets = ak.zip({n: branches[f"Jet_{n}"] for n in FIELDS})
    for fields in flat, nested:
        path = tmp_path / f"{fields.__name__}.root"
        write(path, fields, [jets[:20], jets[20:]])
        (back,) = iterate_records([str(path)], JETS.choose("24"), with_events=True)
        assert np.array_equal(back.values, expected.values)
        assert np.array_equal(back.counts, expected.counts)
        assert back.events["run"].tolist() == [1] * 20 + [2] * 40
        assert back.filled == expected.filled
        found = inspect(path)
        assert (found.format, found.collections, found.events) == ("CMS NanoAOD", ("Jet",), 60)


@pytest.mark.parametrize("fields", [flat, nested])
def test_what_is_read_is_weighed(tmp_path, fields):
    path = tmp_path / "n.root"
    write(path, fields, [some_jets(3000), some_jets(2500, 1)])
    four = source_bytes([str(path)], JETS.choose("4"))
    all_of_them = source_bytes([str(path)], JETS.choose("24"))
    n_jets = len(read_records([str(path)], JETS.choose("4")))
    assert 0.7 * 4 * 4 * n_jets < four < all_of_them < path.stat().st_size


def test_chunks_end_anywhere_in_a_cluster(tmp_path, monkeypatch):
    monkeypatch.setattr("aefpga.data.reader.CHUNK_EVENTS", 5000)
    write(tmp_path / "n.root", nested, [some_jets(4000), some_jets(2500, 1)])
    parts = list(iterate_records([str(tmp_path / "n.root")], JETS.select(("pt",))))
    assert [len(part.counts) for part in parts] == [5000, 1500]
    expected = np.concatenate([ak.flatten(some_jets(4000).pt), ak.flatten(some_jets(2500, 1).pt)])
    assert np.array_equal(np.concatenate([part.column("pt") for part in parts]), expected)


def test_a_damaged_ntuple_is_named(tmp_path):
    path = tmp_path / "n.root"
    write(path, flat, [some_jets(2000)])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(Exception, match=r"n\.root cannot be read as a ROOT file"):
        read_records([str(path)], JETS.select(("pt",)))


def test_aliases_of_ROOTs_importer_are_the_names():
    """`uproot` writes no aliases; `RNTupleImporter` does, beside `_collection0.Jet_pt`."""

    class Imported(uproot.behaviors.RNTuple.RNTuple):
        def keys(self, recursive):
            return ["_collection0", "_collection0.Jet_pt", "nJet", "Jet_pt", "event"]

    assert plain_names(Imported()) == {"nJet": "nJet", "Jet_pt": "Jet_pt", "event": "event"}
