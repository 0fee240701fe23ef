"""The page of a run: what it says, what it lacks, and that no text from a file is markup."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
from tiny import copy_of, findings_of, keep, synthesized

from aefpga.cli import run as run_verb
from aefpga.errors import UsageError
from aefpga.evaluation.saturation import SaturatedLayer, Saturation
from aefpga.evaluation.verdicts import Named
from aefpga.fixedpoint import Score, Trigger
from aefpga.report.render import render
from aefpga.report.run_page import run_page
from aefpga.report.verdicts import verdicts
from aefpga.runs import layout, set_trigger
from aefpga.workflow.report import report


class Reader(HTMLParser):
    """Text and tags of a page, whose elements must be closed in order."""

    EMPTY = ("meta", "img", "br", "input", "link")

    def __init__(self, content):
        super().__init__()
        self.text, self.tags, self._open = "", [], []
        self.feed(content)
        assert not self._open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in self.EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open[-1:] not in (["script"], ["style"]):
            self.text += data


def read(path):
    return Reader(path.read_text(encoding="utf-8"))


def test_the_page_says_what_was_found(whole_run):
    target, missing = report([whole_run])
    assert target == whole_run.folder / "report.html"
    assert not missing
    assert target.stat().st_size < 3_000_000
    page = read(target)
    quality = findings_of(whole_run).judged.quality
    width = quality.variable("pt").residual.half_width_68
    for expected in (
        "standard, 24-16-8-6, ReLU",
        "every word",
        "All 7 outputs, ",
        "1,234",
        "7 cycles = 35 ns",
        "0.97 to 1.13 times this",
        f"{100 * width:.2f}",
        "Are the records of embedded_jets like the run's own?",
        "no C simulation: not in these tests",
        whole_run.spec.hash,
        "normalisation: physics",
        "of embedded_jets.root",
        "aefpga prove --run tiny",
    ):
        assert expected in page.text, expected
    for name in whole_run.schema.names:
        assert name.replace("_", " ") in page.text
    assert page.tags.count("script") == 2


def test_a_trigger_is_on_the_page_and_what_was_found_before_is_not_of_it(whole_run, tmp_path):
    run = copy_of(whole_run, tmp_path / "triggered")
    run = set_trigger(run, Trigger(Score.exact("absolutes", run.spec.latent_type), 57))
    page = read(report([run])[0])
    assert "1 where sum of 6 absolutes >= 57" in page.text
    for stale in ("agreement.json is of another encoder", "proof.json is of another encoder"):
        assert stale in page.text
    assert "every word" not in page.text
    assert "1,234" not in page.text


def judged_trigger(run, own, simple):
    """Leave what `anomaly` would: a trigger, and the areas of its score and of a simple one."""
    run = set_trigger(run, Trigger(Score.exact("squares", run.spec.latent_type), 57))
    share = {"value": 0.25, "error": 0.01}

    def found(area):
        curve = {"rates": [0.0, 0.01, 1.0], "efficiencies": [0.0, 0.25, 1.0]}
        auc = {"value": area, "error": 0.002}
        return {"events": 10, "auc": auc, "efficiencies": {"0.01": share}, "curve": curve}

    scores = {"sum of squares": ("firmware", own), "objects counted": ("no network", simple)}
    content = {
        "verdict": "from 57 on the rate is 0.01", "is_rough": False, "notes": ["no boosted trees"],
        "record": "events",
        "background": {"source": "a test", "events": 1000, "effective_events": 900.0},
        "trigger": {"score": "squares", "target": 0.02, "signals": {"hidden": share},
                    "chosen": {"threshold": 57, "rate": {"value": 0.01, "error": 0.001}}},
        "scores": {n: {"computed": c, "signals": {"hidden": found(area)}}
                   for n, (c, area) in scores.items()},
    }  # fmt: skip
    (run.folder / layout.ANOMALY).write_text(json.dumps(content))
    return run


@pytest.mark.parametrize(
    ("own", "simple", "word"),
    [(0.4, 0.3, "worse than chance"), (0.6, 0.7, "not than those"), (0.8, 0.7, "yes")],
)
def test_an_anomaly_trigger_is_judged(whole_run, tmp_path, own, simple, word):
    run = judged_trigger(copy_of(whole_run, tmp_path / "triggered"), own, simple)
    found = findings_of(run)
    words = [v.word for v in verdicts(found)]
    assert {"0.01", word} < set(words)
    (curves,) = (f for f in run_page(found).figures if f.key == "anomaly")
    # Nothing and less has no logarithm.
    assert [list(s.x) for s in curves.panels["hidden"].series] == [[0.01, 1.0]] * 2
    page = read(report([run])[0])
    for expected in (f"{own:.3f} ± 0.002", "0.25 ± 0.01", "no boosted trees", "sum of squares"):
        assert expected in page.text
    run = set_trigger(run, Trigger(Score.exact("squares", run.spec.latent_type), 58))
    missing = [item.what for item in findings_of(run).missing]
    assert "anomaly.json is of another trigger." in missing


def test_figures_are_of_every_variable(whole_run):
    figures = {f.key: f for f in run_page(findings_of(whole_run)).figures}
    assert set(figures) == {"learning", "words", "values", "ratio", "residuals", "by-pt", "by-eta",
                            "schemes"}  # fmt: skip
    for key in ("values", "ratio", "residuals", "by-pt", "by-eta"):
        assert list(figures[key].panels) == list(whole_run.schema.names)
    panel = figures["values"].panels["pt"]
    original, reconstructed = panel.series
    assert sum(original.y) == sum(reconstructed.y) == len(whole_run.test_records)
    assert len(original.x) == len(original.y) + 1
    shares = [sum(s.y) for s in figures["residuals"].panels["pt"].series]
    assert shares == pytest.approx([1.0] * len(shares))
    assert len(figures["words"].panels) == 6


def test_a_run_with_learned_widths_shows_its_front(whole_run):
    findings = findings_of(whole_run)
    findings.run.__dict__["front"] = {
        "rule": "the cheapest that is as accurate as uniform 6-bit words",
        "is_met": True,
        "uniform": {"luts": 1000.0, "validation_loss": 2e-5},
        "points": [
            {"luts": 400.0, "validation_loss": 1e-5, "chosen": True},
            {"luts": 300.0, "validation_loss": 3e-5, "chosen": False},
        ],
    }
    try:
        figure = next(f for f in run_page(findings).figures if f.key == "front")
    finally:
        del findings.run.__dict__["front"]
    drawn = {s.name: list(s.x) for s in figure.panels[""].series}
    assert drawn == {"learned widths": [300.0, 400.0], "chosen": [400.0], "uniform": [1000.0]}


def test_a_float_run_has_no_words(tiny_run, tmp_path):
    run = copy_of(tiny_run, tmp_path / "float")
    (run.folder / layout.ENCODER).unlink()
    target, missing = report([run], tmp_path / "page.html")
    assert [item.command for item in missing] == [f"aefpga evaluate --run {run.folder}"]
    assert "no words to send" in read(target).text


def test_what_is_missing_is_named_with_its_command(tiny_run, tmp_path):
    run = copy_of(tiny_run, tmp_path / "bare")
    target, missing = report([run], tmp_path / "page.html")
    commands = [item.command for item in missing]
    folder = str(run.folder)
    assert commands == [
        f"aefpga csim --run {folder}",
        f"aefpga prove --run {folder}",
        f"aefpga synthesize --run {folder} --part xcvu9p",
        f"aefpga evaluate --run {folder}",
    ]
    page = read(target)
    assert all(command in page.text for command in commands)
    assert "not compared" in page.text
    assert not (run.folder / layout.PAGE).exists()


def test_what_is_damaged_or_of_another_encoder_is_not_shown(whole_run, tmp_path):
    run = copy_of(whole_run, tmp_path / "changed")
    keep(run, replace(synthesized(run, lut=4321.0), encoder_hash="0" * 64))
    metrics = json.loads((run.folder / layout.METRICS).read_text())
    del metrics["records"]
    (run.folder / layout.METRICS).write_text(json.dumps(metrics))
    (run.folder / layout.HISTOGRAMS).write_text("{")
    (run.folder / layout.AGREEMENT).write_text('{"jets": "many"}')
    target, missing = report([run])
    said = [item.what for item in missing]
    assert any("metrics.json cannot be read (records: " in what for what in said)
    assert any("synthesis-xcvu9p.json is of another encoder" in what for what in said)
    assert any("agreement.json cannot be read" in what for what in said)
    assert "4,321" not in read(target).text


def test_words_that_differ_are_a_bad_verdict(whole_run, tmp_path):
    run = copy_of(whole_run, tmp_path / "wrong")
    content = json.loads((run.folder / layout.AGREEMENT).read_text())
    content["agreements"][0]["equal"] -= 1
    (run.folder / layout.AGREEMENT).write_text(json.dumps(content))
    verdict = run_page(findings_of(run)).verdicts[0]
    assert (verdict.state, verdict.word) == ("bad", "no")


@pytest.mark.parametrize(
    ("named", "state", "word"),
    [((100, 0, 0, 0), "good", "it is not"), ((100, 2, 1, 1), "good", "yes"),
     ((100, 2, 3, 1), "note", "not everywhere"), ((100, 40, 3, 3), "bad", "yes")],
)  # fmt: skip
def test_a_decoder_that_names_what_is_wrong_has_a_verdict(whole_run, named, state, word):
    found = findings_of(whole_run)
    found = replace(found, judged=replace(found.judged, named=Named(*named)))
    verdict = next(v for v in verdicts(found) if "know where it is wrong" in v.question)
    assert (verdict.state, verdict.word) == (state, word)


@pytest.mark.parametrize(
    ("beyond", "state", "word"), [(0, "good", "never"), (1, "note", "rarely"), (2, "bad", "often")]
)
def test_words_that_leave_their_ranges_have_a_verdict(whole_run, beyond, state, word):
    words = np.zeros((150, 3), bool)
    words[:beyond, 1] = True
    found = findings_of(whole_run)
    saturation = Saturation.of({"hidden_1": np.zeros((150, 2), bool), "latent": words})
    assert saturation.layers == ({"latent": SaturatedLayer(beyond, 1, beyond)} if beyond else {})
    found = replace(found, judged=replace(found.judged, saturated_words=saturation))
    verdict = next(v for v in verdicts(found) if "leave their ranges" in v.question)
    assert (verdict.state, verdict.word) == (state, word)
    assert ("in its word 1" in verdict.reason) == bool(beyond)


def test_a_certificate_of_other_verilog_than_was_synthesized_is_stale(whole_run, tmp_path):
    def verdict():
        return next(
            v for v in run_page(findings_of(run)).verdicts if "every possible" in v.question
        )

    run = copy_of(whole_run, tmp_path / "stale")
    sources = json.loads((run.folder / layout.PROOF).read_text())["sources"]
    keep(run, replace(synthesized(run), sources=sources))
    assert (verdict().state, verdict().word) == ("good", "proven")
    other = replace(synthesized(run, part="xcku115-flva1517-1-c"), sources={"src/encoder.v": "0"})
    keep(run, other)
    assert verdict().word == "proven"
    assert "synthesized for xcku115-flva1517-1-c at 5 ns: that is not proven" in verdict().reason
    keep(run, replace(synthesized(run), sources=other.sources))
    assert (verdict().state, verdict().word) == ("note", "stale: of other Verilog")
    assert [m.command.split()[1] for m in findings_of(run).missing] == ["prove"]


def test_text_from_files_is_no_markup(hostile_run):
    content = render(run_page(findings_of(hostile_run)))
    page = Reader(content)
    assert "img" not in page.tags
    assert page.tags.count("script") == 2
    assert "window.boom" in page.text
    # Neither the data of figures nor an attribute ends early.
    assert content.count("</script>") == 2
    assert "<img" not in content


def test_a_page_that_cannot_be_made_leaves_nothing(tiny_run, tmp_path, monkeypatch):
    def fail(path, *arguments, **options):
        raise RuntimeError

    monkeypatch.setattr("pathlib.Path.write_text", fail)
    with pytest.raises(RuntimeError):
        report([tiny_run], tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_a_run_twice_is_wrong_usage(tiny_run):
    with pytest.raises(UsageError, match="given twice"):
        report([tiny_run, tiny_run])


def test_run_ends_with_its_page(tiny_run, tmp_path, monkeypatch):
    run = copy_of(tiny_run, tmp_path / "runs" / "tiny")
    options = run_verb.TrainingOptions(runs=tmp_path / "runs")
    monkeypatch.setattr(run_verb, "train_run", lambda *arguments: run)
    monkeypatch.setattr("aefpga.firmware.yosys.prepare", lambda: None)
    done = []
    for verb in ("show_run", "csim", "synthesize", "evaluate"):
        monkeypatch.setattr(run_verb, verb, lambda *a, verb=verb, **o: done.append(verb))

    def prove(*arguments):
        done.append("prove")
        return SimpleNamespace(verdict="not proven")

    monkeypatch.setattr(run_verb, "prove_run", prove)
    run_verb.run(options)
    # What is proven is what was synthesized, for whatever clock.
    assert done == ["show_run", "csim", "synthesize", "prove", "evaluate"]
    assert "24-16-8-6" in read(run.folder / layout.PAGE).text
