"""The verb that writes pages."""

import shutil


def test_report_writes_a_page_and_names_what_is_missing(call, tiny_run, tmp_path):
    shutil.copytree(tiny_run.folder, tmp_path / "runs/tiny")
    said = call("report")
    assert said.stdout.strip() == "runs/tiny/report.html"
    assert (
        "note: not on the page: Residuals are not judged yet. aefpga evaluate --run runs/tiny"
        in said.stderr
    )
    assert "24-16-8-6" in (tmp_path / "runs/tiny/report.html").read_text()


def test_report_compares_runs(call, tiny_run, tmp_path):
    for name in ("first", "second"):
        shutil.copytree(tiny_run.folder, tmp_path / "runs" / name)
    assert call("report", "first", "second").stdout.strip() == "comparison.html"
    assert call("report", "--run", "first", "second", "-o", "x/y.html").stdout.strip() == "x/y.html"
    assert "2 runs side by side" in (tmp_path / "x/y.html").read_text()


def test_report_of_no_run_is_wrong_usage(call, tiny_run, tmp_path):
    assert "no run in runs/" in call("report", expect=2).stderr
    shutil.copytree(tiny_run.folder, tmp_path / "runs/tiny")
    assert "no run nothing" in call("report", "tiny", "nothing", expect=2).stderr
    assert "given twice" in call("report", "tiny", "runs/tiny", expect=2).stderr
