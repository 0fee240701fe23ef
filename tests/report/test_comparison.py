"""Several runs side by side."""

from dataclasses import replace

import pytest
from tiny import copy_of, findings_of, keep, synthesized

from aefpga.report.comparison import Point, comparison, unbeaten
from aefpga.report.render import render
from aefpga.schema import CELLS
from aefpga.workflow.report import report


@pytest.fixture(scope="module")
def compared(whole_run, tmp_path_factory):
    """The run, the same with fewer LUTs, and one that was never synthesized."""
    folder = tmp_path_factory.mktemp("several")
    smaller, bare = copy_of(whole_run, folder / "smaller"), copy_of(whole_run, folder / "bare")
    keep(smaller, synthesized(smaller, lut=900.0))
    (bare.folder / "reports/synthesis-xcvu9p.json").unlink()
    return {"tiny": whole_run, "smaller": smaller, "bare": bare}


def page_of(runs):
    return comparison({title: findings_of(run) for title, run in runs.items()})


def test_runs_are_columns(compared):
    page = page_of(compared)
    words, costs = next(s for s in page.sections if s.key == "costs").blocks
    assert words.columns == ("", "tiny", "smaller", "bare")
    assert costs.body[0].rows[0] == ["LUT", "1,234", "900", None]
    assert [item.what for item in page.missing] == ["bare: Nothing is synthesized yet."]
    assert page.verdicts[0].state == "good"
    text = render(page)
    assert "their configurations are equal" in text
    assert "smaller" in text


def test_the_front_is_of_all_three(compared):
    figures = {f.key: f for f in page_of(compared).figures}
    bits, luts = (figures[f"front-{field}"].panels["pt"].series for field in ("bits", "luts"))
    assert [s.name for s in bits] == ["tiny", "smaller", "bare"]
    # Equal but for their LUTs; without them nothing is known.
    assert [s.filled for s in bits] == [False, True, False]
    assert [(s.name, list(s.x)) for s in luts] == [("tiny", [1234.0]), ("smaller", [900.0])]


def test_other_records_and_options_are_said(compared, whole_run):
    manifest = {**whole_run.manifest, "files": {**whole_run.manifest["files"]}}
    manifest["files"]["test_jets.npz"] = "0" * 64
    other = replace(whole_run, manifest=manifest)
    firmware = whole_run.config.firmware.model_copy(update={"part": "xcku115"})
    other.__dict__["config"] = whole_run.config.model_copy(update={"firmware": firmware})
    page = page_of({"first": whole_run, "second": other})
    assert page.verdicts[0].word == "not the same"
    (table,) = next(s for s in page.sections if s.key == "configuration").blocks
    assert table.body[0].rows == [["firmware.part", "xcvu9p", "xcku115"]]


def test_runs_of_other_records_are_said_to_be(compared, whole_run):
    cells = replace(whole_run)
    cells.__dict__["schema"] = CELLS
    found = {"jets": findings_of(whole_run), "cells": replace(findings_of(whole_run), run=cells)}
    verdict = comparison(found).verdicts[0]
    assert (verdict.word, verdict.state) == ("other records", "note")
    assert verdict.reason.startswith("They are jets, cells: ")


def test_no_point_that_another_beats_is_on_the_front():
    def point(title, bits, luts, residual):
        return Point(title, bits, luts, residual, 0.0)

    points = [
        point("accurate", 120, 4000, 0.01),
        point("small", 90, 3000, 0.03),
        point("beaten", 120, 4000, 0.02),
        point("cheap", 120, 1000, 0.05),
        point("unknown", 60, None, 0.001),
    ]
    assert unbeaten(points) == ["accurate", "small", "cheap"]
    assert unbeaten([replace(p, luts=None) for p in points]) == ["unknown"]


def test_runs_of_one_name_are_told_apart(compared, tmp_path):
    first, second = (copy_of(compared["tiny"], tmp_path / f / "tiny") for f in "ab")
    target, _ = report([first, second], tmp_path / "both.html")
    assert f"{first.folder}, {second.folder}" in target.read_text()
