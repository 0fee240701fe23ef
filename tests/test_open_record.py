"""A record that nothing under src/ knows of goes all the way: from a YAML schema and other people's
files of four kinds to firmware and back."""

import csv

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

from aefpga.codec.archive import Archive
from aefpga.codec.bounds import Profile
from aefpga.config import load_config
from aefpga.data.reader import read_records
from aefpga.runs import open_run
from aefpga.schema import find_schema
from aefpga.workflow.compress import Settings, compress, decompress

SCHEMA = """
name: hits
one_per_event: true
tree: ntuple
variables:
- {name: charge, unit: GeV, kind: energy, symbol: $Q$, source: "hypot(Hit_qx, Hit_qy)"}
- {name: depth, unit: cm, kind: position, source: Hit_z / 10}
- {name: cells, kind: multiplicity, source: Hit_cells}
where: Hit_good == 1
"""
KINDS = ("root", "parquet", "h5", "csv")


@pytest.fixture(scope="module")
def hits(tmp_path_factory):
    """A folder with a schema and files of hits, one of each kind, and what is in them."""
    folder, rng, n = tmp_path_factory.mktemp("hits"), np.random.default_rng(5), 1500
    cells, angle = rng.poisson(4, n) + 1, rng.uniform(0, 6, n)
    charge = cells * rng.exponential(2.0, n)
    columns = {
        "Hit_qx": (charge * np.cos(angle)).astype(np.float32),
        "Hit_qy": (charge * np.sin(angle)).astype(np.float32),
        "Hit_z": rng.normal(300, 80, n).astype(np.float32),
        "Hit_cells": cells.astype(np.int32),
        "Hit_good": (rng.uniform(size=n) < 0.9).astype(np.int32),
        "event": np.arange(n),
    }
    (folder / "mine.yaml").write_text(SCHEMA)
    with uproot.recreate(folder / "hits.root") as file:
        file["ntuple"] = columns
    pq.write_table(pa.table(columns), folder / "hits.parquet")
    with h5py.File(folder / "hits.h5", "w") as file:
        for name, column in columns.items():
            file.create_dataset(f"ntuple/{name}", data=column)
    with (folder / "hits.csv").open("w") as file:
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        csv.writer(file).writerows([columns, *rows])
    x, y = (columns[name].astype(np.float64) for name in ("Hit_qx", "Hit_qy"))
    table = np.stack([np.hypot(x, y), columns["Hit_z"].astype(np.float64) / 10, cells], axis=1)
    good = columns["Hit_good"] == 1
    return folder, table[good].astype(np.float32), columns["event"][good]


@pytest.fixture(scope="module")
def run(hits, tmp_path_factory):
    pytest.importorskip("qkeras", reason="training needs the extra `train`")
    from aefpga.workflow.train import train

    folder, *_ = hits
    config = load_config(
        None,
        {
            "data": {"record": str(folder / "mine.yaml"), "input": [str(folder / "hits.parquet")]},
            "model": {"latent": 3},
            "quantization": {"bits": 8},
            "training": {"epochs": 2, "batch_size": 64},
        },
    )
    return train(config, tmp_path_factory.mktemp("runs"), "hits")


@pytest.mark.parametrize("kind", KINDS)
def test_reading_is_equal(hits, kind):
    folder, values, _ = hits
    schema = find_schema(str(folder / "mine.yaml"))
    back = read_records([str(folder / f"hits.{kind}")], schema)
    assert back.schema == schema
    np.testing.assert_array_equal(back.values, values)


def test_its_run_needs_no_schema_beside(run, hits, monkeypatch, tmp_path):
    folder, values, _ = hits
    monkeypatch.chdir(tmp_path)
    again = open_run(str(run.folder), tmp_path)
    assert again.schema == again.config.data.record == find_schema(str(folder / "mine.yaml"))
    read = read_records([str(folder / "hits.csv")], again.schema)
    np.testing.assert_array_equal(read.values, values)


def test_it_becomes_firmware_word_for_word(run, tmp_path):
    from aefpga.workflow.csim import csim
    from aefpga.workflow.synthesize import synthesize

    result = csim(run, tmp_path)
    assert result.is_exact
    assert len(result.agreements) == 6
    report = synthesize(run, tmp_path)
    assert report.resources.lut > 0


def test_it_is_judged_in_its_own_units(run, hits):
    from aefpga.workflow.evaluate import evaluate
    from aefpga.workflow.report import report

    folder, values, _ = hits
    result = evaluate(run, inputs=[str(folder / "hits.h5")])
    assert result.records == len(values)
    quality = evaluate(run).qualities["quantized model"]
    assert [v.name for v in quality.variables] == ["charge", "depth", "cells"]
    assert quality.variable("depth").unit == "cm"
    assert quality.variable("charge").kind == "relative"
    assert quality.variable("cells").exact is not None
    page = report([run])[0].read_text()
    assert "depth [cm]" in page
    assert "test hits stay below" in page


@pytest.mark.parametrize(
    ("kind", "level", "scalar"),
    [*((kind, "fast", False) for kind in KINDS), ("csv", "best", True)],
)
def test_its_files_are_compressed_within_bounds(hits, run, tmp_path, kind, level, scalar):
    folder, values, events = hits
    profile = Profile.relative(0.01)
    record = find_schema(str(folder / "mine.yaml"))
    settings = Settings(profile=profile, level=level, record=record)
    files = [str(folder / f"hits.{kind}")]
    compress(None if scalar else run, files, tmp_path / "h.aejets", settings)
    archive = Archive(tmp_path / "h.aejets")
    assert archive.schema == record
    decompress(archive, tmp_path / "back.root")
    back = read_records([str(tmp_path / "back.root")], record)
    assert profile.within(record, values, back.values).all()
    with uproot.open(tmp_path / "back.root") as file:
        np.testing.assert_array_equal(file["hits/event"].array(), events)
