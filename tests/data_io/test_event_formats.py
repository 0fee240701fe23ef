"""Events from the files of data challenges and of experiments, their known faults included."""

import h5py
import numpy as np
import pytest
import uproot

from aefpga.data.inspect import inspect
from aefpga.data.reader import iterate_records, read_records, source_bytes
from aefpga.errors import DataError
from aefpga.schema import EVENTS, JETS

USUAL = EVENTS.choose()
MET, ELECTRON, MUON, JET = 1, 2, 3, 4


@pytest.fixture
def adc2021(tmp_path):
    """Two events in the layout of ADC2021; the second with the fault of the published script."""
    particles = np.zeros((2, 19, 4))
    particles[0, 0] = 31.5, 0, 1.25, MET
    particles[0, 1] = 40.0, -2.5, 0.5, ELECTRON
    particles[0, 9:11] = (90.0, 3.5, -1.0, JET), (20.0, 0.25, 3.0, JET)
    particles[1, 0] = 12.0, 0, -3.0, MET
    particles[1, 5] = 25.0, 2.0, 0.125, MUON
    # A jet beyond |eta| of 4, which lost pt and eta alone, before one that is there.
    particles[1, 9:11] = (0, 0, 2.25, JET), (18.0, -0.5, 1.5, JET)
    path = tmp_path / "background.h5"
    with h5py.File(path, "w") as file:
        file["Particles"] = particles
        file["Particles_Names"] = [b"Pt", b"Eta", b"Phi", b"Class"]
        file["Particles_Classes"] = [b"MET_class_1", b"Four_Ele_class_2"]
        file["EvtId"] = np.array([7, 9])
    return path


def first(events, *names):
    return {name: events.column(name).tolist() for name in names}


def test_adc2021(adc2021):
    [events] = iterate_records([str(adc2021)], USUAL, with_events=True)
    assert events.events["event"].tolist() == [7, 9]
    assert events.filled == ()
    assert first(events, "met_pt", "met_phi", "e1_pt", "e1_eta", "mu1_pt", "mu1_phi") == {
        "met_pt": [31.5, 12.0],
        "met_phi": [1.25, -3.0],
        "e1_pt": [40.0, 0.0],
        "e1_eta": [-2.5, 0.0],
        "mu1_pt": [0.0, 25.0],
        "mu1_phi": [0.0, 0.125],
    }
    # What has no pt is nothing, and what comes after it moves up.
    assert first(events, "j1_pt", "j1_phi", "j2_pt", "j2_phi", "j3_phi") == {
        "j1_pt": [90.0, 18.0],
        "j1_phi": [-1.0, 1.5],
        "j2_pt": [20.0, 0.0],
        "j2_phi": [3.0, 0.0],
        "j3_phi": [0.0, 0.0],
    }
    assert inspect(adc2021).format == "ADC2021"
    assert source_bytes([str(adc2021)], USUAL) == 2 * 19 * 4 * 8 + 2 * 8


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"Jets": np.zeros((2, 3))}, "found Jets, expected data set Particles"),
        ({"Particles": np.zeros((2, 57))}, r"shape \(2, 57\), expected particles of pt, eta, phi"),
        ({"Particles": np.full((2, 19, 4), np.nan)}, "NaN or infinite values, first in met_pt"),
        ({"Particles": np.zeros((0, 19, 4))}, "there is no event"),
    ],
)
def test_other_hdf5_files_are_one_clear_error(tmp_path, content, message):
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        for name, values in content.items():
            if np.isnan(values).any():
                values = np.where(np.arange(4) == 3, MET, values)
            file[name] = values
    with pytest.raises(DataError, match=message):
        read_records([str(path)], USUAL)


def test_a_truncated_hdf5_file_is_one_clear_error(adc2021, tmp_path):
    path = tmp_path / "cut.h5"
    path.write_bytes(adc2021.read_bytes()[:600])
    with pytest.raises(DataError, match=r"cut\.h5 cannot be read as an HDF5 file"):
        read_records([str(path)], USUAL)


LINES = """\
17;ttbar;0.25;45000;1.5;j,100000,30000,0.5,-1;b,90000,80000,1.25,2;e-,50000,40000,0.25,0.5;;

18;njets;2;1000.5;-3;m+,9000,8000,-2,3;g,7000,6000,1,1;m-,30000,20000,0.125,0.25;
19;njets;2;500;0.5
"""


def test_darkmachines(tmp_path):
    path = tmp_path / "chan1.csv"
    path.write_text(LINES)
    schema = EVENTS.choose("met_*,e1_pt,mu[12]_pt,mu1_phi,g1_pt,j[1-3]_pt,j1_eta")
    [events] = iterate_records([str(path)], schema, with_events=True)
    assert events.events["event"].tolist() == [17, 18, 19]
    assert events.events["process"].tolist() == ["ttbar", "njets", "njets"]
    assert events.events["weight"].tolist() == [0.25, 2, 2]
    assert first(events, *schema.names) == {
        "met_pt": [45.0, 1.0005, 0.5],
        "met_eta": [0.0, 0.0, 0.0],
        "met_phi": [1.5, -3.0, 0.5],
        "e1_pt": [40.0, 0.0, 0.0],
        "mu1_pt": [0.0, 20.0, 0.0],
        "mu2_pt": [0.0, 8.0, 0.0],
        "mu1_phi": [0.0, 0.25, 0.0],
        "g1_pt": [0.0, 6.0, 0.0],
        # Jets of b quarks are jets; they are sorted, as the file's need not be.
        "j1_pt": [80.0, 0.0, 0.0],
        "j2_pt": [30.0, 0.0, 0.0],
        "j3_pt": [0.0, 0.0, 0.0],
        "j1_eta": [1.25, 0.0, 0.0],
    } | {"met_pt": [45.0, float(np.float32(1.0005)), 0.5]}
    assert inspect(path).events == 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a,b,c", r"line 2: found 'a,b,c' .*expected eventID;processID"),
        ("1;w;1;50;0;t,1,2,3,4", "no object: 't,1,2,3,4'; types are j, b"),
        ("1;w;1;50;0;j,1,2,3", "no object: 'j,1,2,3'"),
        ("1;w;nan;50;0", "nan is no finite number"),
        ("1;w;1;50", "4 fields"),
        ("1;w;1;50;0;j,1,inf,3,4", "inf is no finite number"),
        ("\x00\xff", "line 2"),
    ],
)
def test_other_lines_are_one_clear_error(tmp_path, line, message):
    path = tmp_path / "odd.csv"
    path.write_text("1;w;1;50;0\n" + line + "\n", encoding="latin-1")
    with pytest.raises(DataError, match=message):
        read_records([str(path)], USUAL)


@pytest.mark.parametrize(
    ("name", "objects"),
    [
        ("nanoAOD_2015_CMS_Open_Data_ttbar.root", ("PuppiMET", "Electron", "Muon", "Jet", "_")),
        (
            "scouting_nano.root",
            ("ScoutingMET", "ScoutingElectron", "ScoutingMuon", "ScoutingPFJet", "_"),
        ),
    ],
)
def test_collections_of_cms(shared_data, name, objects):
    path = str(shared_data / name)
    [events] = iterate_records([path], USUAL, with_events=True)
    met, *collections, joint = objects
    with uproot.open(path) as file:
        tree = file["Events"]
        expected = {"met_pt": tree[f"{met}{joint}pt"].array(library="np")}
        for kind, collection in zip(("e", "mu", "j"), collections, strict=True):
            pts, etas = (tree[f"{collection}{joint}{q}"].array(library="np") for q in ("pt", "eta"))
            expected[f"{kind}1_pt"] = [max(pt, default=0) for pt in pts]
            expected[f"{kind}1_eta"] = [
                eta[np.argmax(pt)] if len(pt) else 0 for pt, eta in zip(pts, etas, strict=True)
            ]
        assert (events.events["event"] == tree["event"].array(library="np")).all()
    for variable, column in expected.items():
        np.testing.assert_array_equal(events.column(variable), np.asarray(column, np.float32))
    assert events.filled == ()


def test_physlite_has_no_missing_energy(shared_data):
    path = str(shared_data / "PHYSLITE_example.root")
    [events] = iterate_records([path], USUAL, with_events=True)
    assert events.filled == ("met_pt", "met_eta", "met_phi")
    assert len(events.events["run"]) == len(events) == 100
    jets = read_records([path], JETS.select(("pt",))).lists()["pt"]
    first = [max(pts, default=0) for pts in jets.tolist()]
    np.testing.assert_array_equal(events.column("j1_pt"), np.array(first, np.float32))


def test_a_file_of_both_is_asked_for_either(shared_data):
    path = shared_data / "scouting_nano.root"
    assert inspect(path).record == "jets"
    assert inspect(path, record=EVENTS).record == "events"


def test_a_file_of_jets_is_no_file_of_events(tmp_path, shared_data):
    from aefpga.data.sample import sample_path

    with pytest.raises(DataError, match="holds jets, but events are asked for"):
        read_records([str(sample_path())], USUAL)
    path = tmp_path / "short.root"
    with uproot.recreate(path) as file:
        lists = {f"{c}_{q}": "var * float32" for c in ("Jet", "Muon") for q in ("pt", "eta", "phi")}
        file.mktree("Events", {**lists, "Electron_pt": "var * float32"})
    with pytest.raises(DataError, match="no events in a known format"):
        read_records([str(path)], USUAL)
