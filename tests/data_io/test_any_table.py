"""Files of any kind, read as a schema says; what is wrong with either is one clear error."""

import json
import re
from pathlib import Path

import awkward as ak
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
import yaml
from typer.testing import CliRunner

from aefpga import configs
from aefpga.cli import app
from aefpga.data.draft import draft
from aefpga.data.inspect import inspect
from aefpga.data.reader import iterate_records, read_records, source_bytes
from aefpga.data.sources import parquet
from aefpga.errors import AefpgaError, DataError, UsageError
from aefpga.schema import find_schema
from aefpga.schema.expression import FUNCTIONS

FLAT = """
name: rows
one_per_event: true
variables:
- {name: pt, unit: GeV, kind: momentum, source: "hypot(x, y)"}
- {name: tilt, kind: angle, source: '"tilt [rad]"'}
- {name: hits, kind: multiplicity}
"""
LISTS = """
name: tracks
variables:
- {name: pt, unit: GeV, kind: momentum, source: Track_pt / 1000}
- {name: dphi, unit: rad, kind: angle, source: Track_phi - met_phi}
- {name: vertex, unit: cm, kind: position, source: "vertices[0]"}
where: Track_pt > 500 and not Track_fake
"""
N = 12_000
COUNTS = np.random.default_rng(4).integers(0, 4, 500)


@pytest.fixture
def schema(tmp_path):
    """Return a function that makes a schema of a text."""

    def made(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return find_schema(str(path))

    return made


@pytest.fixture(scope="module")
def flat():
    rng = np.random.default_rng(3)
    return {
        "x": rng.normal(0, 30, N).astype(np.float32),
        "y": rng.normal(0, 30, N).astype(np.float32),
        "tilt [rad]": rng.normal(0, 1, N),
        "hits": rng.poisson(5, N).astype(np.int16),
        "word": np.array(["a", "b"] * (N // 2)),
        "event": np.arange(N),
    }


@pytest.fixture(scope="module")
def lists():
    rng, total = np.random.default_rng(6), int(COUNTS.sum())
    return {
        "Track_pt": ak.unflatten(rng.exponential(3000, total).astype(np.float32), COUNTS),
        "Track_phi": ak.unflatten(rng.uniform(-1, 1, total), COUNTS),
        "Track_fake": ak.unflatten(rng.uniform(size=total) < 0.2, COUNTS),
        "met_phi": rng.uniform(-1, 1, len(COUNTS)),
        "vertices": rng.normal(0, 3, (len(COUNTS), 2)).astype(np.float32),
    }


def write(path, columns, **how):
    """Write columns, as people do who know nothing of this toolkit."""
    numbers = {
        n: x for n, x in columns.items() if not (isinstance(x, np.ndarray) and x.dtype == "U1")
    }
    match path.suffix:
        case ".root" if how.get("is_rntuple"):
            with uproot.recreate(path) as file:
                file.mkrntuple("tree", numbers)
        case ".root":
            with uproot.recreate(path) as file:
                file["tree"] = numbers
        case ".parquet":
            ak.to_parquet(ak.Array(columns), path, row_group_size=7000)
        case ".h5":
            with h5py.File(path, "w") as file:
                for name, column in columns.items():
                    if isinstance(column, ak.Array):
                        kind = np.asarray(ak.flatten(column)).dtype
                        data = file.create_dataset(name, len(column), h5py.vlen_dtype(kind))
                        data[:] = np.array([*map(np.asarray, column), 0], object)[:-1]
                    else:
                        is_text = column.dtype.kind == "U"
                        file[name] = column.astype("S1") if is_text else column
        case ".npz":
            np.savez(path, **columns)
        case ".npy":
            table = np.empty(N, [(n, x.dtype) for n, x in columns.items()])
            for name, column in columns.items():
                table[name] = column
            np.save(path, table)
        case _:
            delimiter = {".csv": ", ", ".tsv": "\t", ".txt": ";"}[path.suffix]
            rows = zip(*(column.tolist() for column in columns.values()), strict=True)
            text = [delimiter.join(map(str, row)) for row in ([*columns], *rows)]
            path.write_text("\n".join(text) + "\n\n")
    return path


@pytest.mark.parametrize(
    "name",
    ["a.root", "rntuple.root", "a.parquet", "a.h5", "a.npz", "a.npy", "a.csv", "a.tsv", "a.txt"],
)
def test_rows_are_the_same_from_every_kind_of_file(flat, schema, tmp_path, name, monkeypatch):
    path = write(tmp_path / name, flat, is_rntuple=name == "rntuple.root")
    rows = schema(FLAT)
    monkeypatch.setattr("aefpga.data.reader.CHUNK_EVENTS", 5000)
    chunks = list(iterate_records([str(path)], rows, with_events=True))
    values = np.concatenate([chunk.values for chunk in chunks])
    x, y = flat["x"].astype(np.float64), flat["y"].astype(np.float64)
    expected = np.stack([np.hypot(x, y), flat["tilt [rad]"], flat["hits"]], axis=1)
    np.testing.assert_array_equal(values, expected.astype(np.float32))
    assert len(chunks) == 3
    assert np.array_equal(np.concatenate([c.events["event"] for c in chunks]), flat["event"])
    assert 0 < source_bytes([str(path)], rows) <= path.stat().st_size


@pytest.mark.parametrize("name", ["a.root", "a.parquet", "a.h5"])
def test_lists_are_the_same_from_every_kind_of_file(lists, schema, tmp_path, name):
    path = write(tmp_path / name, lists)
    found = read_records([str(path)], schema(LISTS))
    good = ak.flatten((lists["Track_pt"] > 500) & ~lists["Track_fake"]).to_numpy()
    columns = (
        ak.flatten(lists["Track_pt"]).to_numpy().astype(np.float64) / 1000,
        ak.flatten(lists["Track_phi"]).to_numpy() - np.repeat(lists["met_phi"], COUNTS),
        np.repeat(lists["vertices"][:, 0], COUNTS),
    )
    expected = np.stack(columns, axis=1).astype(np.float32)[good]
    np.testing.assert_array_equal(found.values, expected)
    event = np.repeat(np.arange(len(COUNTS)), COUNTS)[good]
    assert np.array_equal(found.counts, np.bincount(event, minlength=len(COUNTS)))


def test_records_within_parquet_and_structures_within_hdf5_have_names_with_a_dot(schema, tmp_path):
    jets = ak.Array([[{"pt": 1.5, "hits": 2}, {"pt": 2.5, "hits": 1}], []])
    ak.to_parquet(ak.Array({"jets": jets}), tmp_path / "a.parquet")
    text = "name: some\nvariables:\n- {name: pt, kind: energy, source: jets.pt}\n"
    found = read_records([str(tmp_path / "a.parquet")], schema(text))
    assert found.counts.tolist() == [2, 0]
    assert found.values.tolist() == [[1.5], [2.5]]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["deep/jets"] = np.array([(1.5, 2), (2.5, 1)], [("pt", ">f4"), ("hits", "i4")])
    rows = text + "one_per_event: true\n"
    for tree in ("", "tree: deep\n", "tree: deep/jets\n"):
        source = {"": "deep.jets.pt", "tree: deep\n": "jets.pt", "tree: deep/jets\n": "pt"}[tree]
        found = read_records(
            [str(tmp_path / "a.h5")], schema(rows.replace("jets.pt", source) + tree)
        )
        assert found.values.tolist() == [[1.5], [2.5]]


@pytest.mark.parametrize("name", ["a.root", "a.parquet"])
def test_a_draft_reads_the_file_that_it_is_of(flat, lists, schema, tmp_path, name):
    path = write(tmp_path / name, flat)
    text = draft(path)
    guessed = schema(text)
    assert guessed.one_per_event
    assert {v.name: v.kind.name for v in guessed.variables} == {
        "x": "position", "y": "angle", "tilt_rad": "position", "hits": "multiplicity",
    }  # fmt: skip
    assert text.count("# guessed") == 4
    assert "event: kept beside" in text
    assert len(read_records([str(path)], guessed)) == N
    path = write(tmp_path / f"lists{path.suffix}", lists)
    guessed = schema(draft(path))
    assert (guessed.one_per_event, len(guessed)) == (False, 3)
    assert len(read_records([str(path)], guessed)) == COUNTS.sum()
    assert guessed.variable("Track_pt").kind.name == "momentum"
    assert guessed.variable("Track_phi").period == pytest.approx(2 * np.pi)
    assert schema(draft(path, columns="met*")).one_per_event


def test_a_draft_makes_pt_eta_phi_and_mass_of_four_vectors(schema, tmp_path):
    momentum = np.array([[3.0, 4.0, 0.0, 13.0], [0.0, 2.0, 0.0, 2.0]])
    columns = dict(zip(("Jet_Px", "Jet_Py", "Jet_Pz", "Jet_E"), momentum.T, strict=True))
    np.savez(tmp_path / "jets.npz", **columns, odd=np.array([1, np.nan]))
    text = draft(tmp_path / "jets.npz")
    assert "1 NaN or infinite: leave them out" in text
    guessed = schema(text.replace("# where: pt > 20", "where: odd == 1"))
    assert guessed.name == "my_jets"
    found = read_records([str(tmp_path / "jets.npz")], guessed)
    np.testing.assert_allclose(found.values, [[5, 0, np.arctan2(4, 3), 12, 1]], rtol=1e-6)


LAYOUTS = {
    "hzz_muons": ("events", ["Muon_Px", "Muon_Py", "Muon_Pz", "Muon_E", "Muon_Charge", "Muon_Iso"]),
    "four_vectors": ("any", ["Jet_Px", "Jet_Py", "Jet_Pz", "Jet_E"]),
    "delphes_jets": (
        "Delphes",
        [f"Jet.{x}" for x in ("PT", "Eta", "Phi", "Mass", "NCharged", "NNeutrals")],
    ),
    "treemaker_jets": (
        "PreSelection",
        [f"Jets.fCoordinates.f{x}" for x in ("Pt", "Eta", "Phi", "E")]
        + [f"Jets_{x}HadronEnergyFraction" for x in ("charged", "neutral")]
        + ["Jets_photonEnergyFraction", "Jets_chargedMultiplicity", "Jets_neutralMultiplicity"],
    ),
}


@pytest.mark.parametrize("name", configs.names(configs.SCHEMAS))
def test_schemas_that_come_along_read_their_layouts(tmp_path, name):
    tree, branches = LAYOUTS[name]
    known = find_schema(name)
    assert {b for v in known.variables for b in v.expression.branches} == set(branches)
    column = np.arange(1, 6, dtype=np.int32)
    counts = [2, 0, 3]
    each = column if known.one_per_event else ak.unflatten(column, counts)
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mktree(
            tree, dict.fromkeys(branches, "int32" if known.one_per_event else "var * int32")
        )
        file[tree].extend(dict.fromkeys(branches, each))
    found = read_records([str(tmp_path / "a.root")], known)
    assert len(found) == 5
    assert found.counts.tolist() == ([1] * 5 if known.one_per_event else counts)
    if "hypot" in known.variable("pt").source:
        np.testing.assert_allclose(found.column("pt"), column * 2**0.5, rtol=1e-6)


@pytest.mark.parametrize("name", ["a.root", "a.parquet", "a.h5", "a.npz", "a.npy", "a.csv"])
def test_the_error_for_an_unknown_format_names_the_way(flat, tmp_path, name):
    path = write(tmp_path / name, flat)
    with pytest.raises(DataError, match=r"aefpga data schema \S+ > mine\.yaml`, then --schema"):
        inspect(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no schema"),
        ("[" * 5000, "nested too deeply"),
        ("a: [", "no valid YAML"),
        ("x" * 3_000_000, "3,000,000 bytes"),
        ("name: rows\n", "variables: Field required"),
        ("pt: {kind: energy}", "source of variable pt"),
        ("{kind: energy}", "name of variable number 1: Field required"),
        (f"{{name: {'x' * 300}, kind: energy}}", "at most 100 characters"),
        ("{name: pt, kind: enregy}", "kind of variable pt: unknown kind enregy; the kinds are"),
        ("{name: pt, kind: energy, sauce: x}", "sauce of variable pt: Extra inputs"),
        ("{name: pt, kind: energy, source: hypot(x, y)}", "text with a comma needs quotes"),
        ("{name: pt, kind: energy, source: __import__('os')}", "no function __import__"),
        (f"{{name: pt, kind: energy, source: {'(' * 999}}}", "is no expression"),
        (f"{{name: pt, kind: energy, source: {'x' * 3000}}}", "at most 2,000"),
        ("{name: pt, kind: energy, source: 2 + 3}", "names no branch"),
        ("{name: p t, kind: energy}", "'p t' is no usable name"),
        ("{name: pt, kind: energy}\n- {name: npt, kind: energy}", "number of entries"),
        ("{name: pt, kind: energy}\nwhere: pt >", "where: 'pt >' is no expression"),
        ("{name: pt, kind: energy}\nsums: {pt: [px]}", "sums names px"),
        ("{name: pt, kind: energy}\ncuts: [{variable: ht, below: 3}]", "cuts names ht"),
        ("{name: pt, kind: energy}\nusual: some", "usual names some"),
    ],
)
def test_a_wrong_schema_is_one_error_that_says_where(tmp_path, content, said):
    text = f"name: rows\nvariables:\n- {content}\n" if content[:1] == "{" else content
    text = text if content != "pt: {kind: energy}" else f"name: rows\nvariables: {{{content}}}"
    said = "variables: Input should be a valid tuple" if said == "source of variable pt" else said
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(AefpgaError) as caught:
        find_schema(str(tmp_path / "mine.yaml"))
    assert "mine.yaml" in str(caught.value)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_schema_cannot_take_the_name_of_a_known_record(schema):
    with pytest.raises(UsageError, match="jets are a record of the toolkit's own"):
        schema(FLAT.replace("rows", "jets"))
    with pytest.raises(UsageError, match=r"unknown record delphes: .*did you mean delphes_jets"):
        find_schema("delphes")
    with pytest.raises(UsageError, match="unknown record"):
        find_schema("x" * 5000)


def _bad(columns, **changed):
    return {name: np.array(x)[:3] for name, x in {**columns, **changed}.items()}


@pytest.mark.parametrize("name", ["a.root", "a.parquet", "a.npz", "a.csv"])
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"x": [1, np.nan, 3]}, "NaN or infinite values, first in pt (from x, y) in event 1"),
        ({"hits": [1.0, 2.5, 3.0]}, "event 1: hits is 2.5, expected a whole number from 0"),
        ({"hits": [1, 2, -3]}, "event 2: hits is -3"),
        ({"hits": ["a", "b", "c"]}, "hits"),
    ],
)
def test_wrong_values_are_one_error(flat, schema, tmp_path, name, changed, said):
    if changed.get("hits") == ["a", "b", "c"] and name == "a.root":
        changed = {"hits": np.array(["aa", "bb", "cc"])}
    path = write(tmp_path / name, _bad(flat, **changed))
    with pytest.raises(DataError) as caught:
        read_records([str(path)], schema(FLAT))
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_files_that_do_not_fit_are_one_error(flat, lists, schema, tmp_path):
    rows, tracks = schema(FLAT), schema(LISTS)

    def said(path, wanted):
        with pytest.raises(DataError) as caught:
            read_records([str(path)], wanted)
        assert str(path) in str(caught.value)
        return str(caught.value)

    del (few := dict(flat))["x"]
    few["x_"] = flat["x"]
    assert "branch x is missing; the nearest branches are x_" in said(
        write(tmp_path / "a.csv", few), rows
    )
    ragged = write(tmp_path / "l.parquet", lists)
    assert "Track_pt holds a list for each row, a number was expected" in said(
        ragged, tracks.model_copy(update={"one_per_event": True})
    )
    flat_pt = {**lists, **{n: lists["met_phi"] for n in lists if n[0] == "T"}}
    assert "say `one_per_event: true`" in said(write(tmp_path / "l.root", flat_pt), tracks)
    other = {**lists, "Track_phi": lists["Track_pt"][::-1]}
    assert "of different collections" in said(write(tmp_path / "o.parquet", other), tracks)
    np.savez(tmp_path / "a.npz", **{**flat, "x": flat["x"][:5]})
    assert "x has 5 rows and y has 12,000" in said(tmp_path / "a.npz", rows)
    with uproot.recreate(tmp_path / "two.root") as file:
        file["one"] = file["two"] = {"x": np.zeros(3)}
    assert "2 trees; its trees are" in said(tmp_path / "two.root", rows)
    named = rows.model_copy(update={"tree": "three"})
    assert "no tree three" in said(tmp_path / "two.root", named)
    texts = {**lists, "met_phi": np.array(["ab"] * len(COUNTS))}
    assert "met_phi holds string for each row" in said(write(tmp_path / "t.parquet", texts), tracks)
    nothing = write(tmp_path / "n.csv", {"a": np.zeros(3)})
    assert "branch x, y, tilt [rad], hits is missing" in said(nothing, rows)
    with pytest.raises(DataError, match="there is nothing of rows"):
        inspect(nothing, record=rows)
    short = tracks.model_copy(update={"where": "vertices[7] > 0"})
    assert "vertices[7] is not there in row 0" in said(ragged, short)
    summed = rows.model_copy(update={"sums": {"pt": ("tilt", "hits")}})
    assert "tilt + hits is" in said(write(tmp_path / "b.npz", flat), summed)
    with pytest.raises(DataError, match="no collection AK8"):
        read_records([str(ragged)], tracks, "AK8")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("1,2,3\n4,5,6\n", "names of columns was expected"),
        ("x,x,y\n", "twice"),
        (
            "x,y,tilt [rad],hits\n1,2,3,4\n1,2,3\n",
            "line 3: found 3 columns and nothing",
        ),
        ("x,y,tilt [rad],hits\n1,2,3,4\n\n1,,3,4\n", "line 4: found '' in column y"),
        ("x,y,tilt [rad],hits\n" + "1" * 2_000_000, "line 2 has more than 1,000,000 bytes"),
    ],
)
def test_wrong_text_is_one_error(schema, tmp_path, text, said):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=r"a\.csv") as caught:
        read_records([str(tmp_path / "a.csv")], schema(FLAT))
    assert said in str(caught.value)


def test_what_a_file_claims_is_checked_before_memory_is_spent(schema, tmp_path, monkeypatch):
    rows = schema("name: rows\none_per_event: true\nvariables: [{name: x, kind: position}]")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", (1 << 40,), "f8", chunks=(1 << 28,), compression="gzip")
    with pytest.raises(DataError, match="x claims 2,147,483,648 bytes"):
        read_records([str(tmp_path / "a.h5")], rows)
    pq.write_table(pa.table({"x": np.zeros(1000)}), tmp_path / "a.parquet")
    monkeypatch.setattr(parquet, "check_claim", _refused)
    with pytest.raises(DataError, match="group of rows of"):
        read_records([str(tmp_path / "a.parquet")], rows)


def _refused(path, what, size):
    raise DataError(f"{path}: {what} of {size}")


def test_pickles_and_damaged_files_are_refused(schema, tmp_path):
    rows = schema("name: rows\none_per_event: true\nvariables: [{name: x, kind: position}]")
    objects = np.array([(None,), (1,)], [("x", object)])
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "a.npz", x=objects["x"])
    np.save(tmp_path / "plain.npy", np.zeros((5, 2)))
    for name, magic in (
        ("a.h5", b"\x89HDF\r\n\x1a\n"),
        ("a.parquet", b"PAR1"),
        ("a.root", b"root"),
    ):
        (tmp_path / name).write_bytes(magic + bytes(200))
    for name in ("a.npy", "a.npz", "plain.npy", "a.h5", "a.parquet", "a.root"):
        with pytest.raises(DataError, match=name):
            read_records([str(tmp_path / name)], rows)


def test_a_schema_without_rows_reads_nothing(lists, schema, tmp_path):
    empty = {name: column[:0] for name, column in lists.items()}
    for name in ("a.root", "a.parquet"):
        [found] = iterate_records([str(write(tmp_path / name, empty))], schema(LISTS))
        assert (len(found), len(found.counts)) == (0, 0)


def test_the_shipped_files_are_yaml_that_says_what_it_is_of():
    for name in configs.names(configs.SCHEMAS):
        content = yaml.safe_load((configs.SCHEMAS / f"{name}.yaml").read_text())
        assert content["name"] == name


def test_the_command_drafts_what_the_other_commands_take(flat, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "flat.parquet", flat)
    answer = CliRunner().invoke(app, ["data", "schema", "flat.parquet"])
    assert answer.exit_code == 0
    (tmp_path / "mine.yaml").write_text(answer.stdout)
    options = ["--schema", "mine.yaml", "--json"]
    answer = CliRunner().invoke(app, ["data", "inspect", "flat.parquet", *options])
    found = json.loads(answer.stdout)
    assert (found["record"], found["records"], len(found["ranges"])) == ("flat", N, 4)
    out = ["--scalar", "--max-error", "1%", "-o", "flat.aejets"]
    answer = CliRunner().invoke(app, ["compress", "flat.parquet", *options, *out])
    assert json.loads(answer.stdout)["records"] == N


def test_the_schema_of_the_page_is_one(schema):
    page = (Path(__file__).parents[2] / "docs/any_table.md").read_text()
    [text] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    tracks = schema(text)
    assert (len(tracks), tracks.n_independent, tracks.tree) == (7, 6, "ntuple/events")
    assert "N strips" in tracks.variable("strip_hits").expression.branches
    assert all(name in page for name in (*configs.names(configs.SCHEMAS), *FUNCTIONS))
