"""`--model modulo` goes through the verbs as any other model does, without TensorFlow."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from aefpga.codec.archive import Archive
from aefpga.codec.bounds import Profile
from aefpga.config import RunConfig, load_config
from aefpga.data.records import Records
from aefpga.data.writer import write_records
from aefpga.errors import RunError, ToolError, UsageError
from aefpga.evaluation.verdicts import Named
from aefpga.files import sha256_of
from aefpga.links import beam
from aefpga.runs import layout, open_run
from aefpga.runs.autoencoder import Autoencoder
from aefpga.workflow.activity import judge_activity
from aefpga.workflow.compress import Settings, compress
from aefpga.workflow.csim import csim
from aefpga.workflow.evaluate import QUANTIZED, evaluate
from aefpga.workflow.rate_distortion import AutoencoderQuantizer
from aefpga.workflow.summary import describe
from aefpga.workflow.train import train


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    options = {
        "data": {"max_jets": 3000},
        "model": {"kind": "modulo", "link_bits": 92},
        "training": {"epochs": 4},
    }
    runs = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aefpga.links.learning.JUDGED", 300)
        for name, hypotheses in (("NARROW", 16), ("WIDE", 32), ("WIDEST", 64)):
            patch.setattr(beam, name, replace(getattr(beam, name), hypotheses=hypotheses))
        train(load_config(None, options), runs, "words")
        yield open_run("words", runs)


def test_a_run_of_it_says_what_it_is(run):
    assert run.spec.bits_per_jet == 92
    assert not run.has_float_model
    assert run.config.label == "modulo-24d-92bit"
    assert "92 bits sent" in describe(run)["widths"]
    assert "steps of 19 variables" in describe(run)["encoder"]


def test_computations_agree_on_adversarial_words(run, tmp_path):
    result = csim(run, tmp_path, without=("hls", "rtl"))
    assert {result.agreements[0].first, result.agreements[0].second} == {"emulator", "integers"}
    assert result.is_exact


def test_evaluate_says_first_what_the_decoder_knows(run, monkeypatch, tmp_path):
    def none(*args):
        raise ToolError("left out")

    monkeypatch.setattr("aefpga.firmware.hls.CSimulation", none)
    monkeypatch.setattr("aefpga.workflow.evaluate._plot", lambda *args: None)
    result = evaluate(run, max_records=200)
    assert next(iter(result.qualities)) == QUANTIZED
    assert result.bits_per_record[QUANTIZED] == 92
    assert result.named.records == 200
    assert result.named.wrong < 40
    assert result.to_dict()["named"]["wrong_and_improbable"] == result.named.wrong_and_improbable

    records = run.test_records[:200].copy()
    records[:, [v.kind.is_count for v in run.schema.variables]] = 0
    write_records(tmp_path / "no.root", [Records(run.schema, records, np.ones(200, np.int64))], {})
    unlike = evaluate(run, inputs=[str(tmp_path / "no.root")])
    assert unlike.named.verdict == "many"
    assert "unlike what the decoder learned from" in unlike.named.sentence


def test_named_counts():
    improbable, wrong = np.array([1, 1, 0, 0, 0], bool), np.array([1, 0, 1, 0, 0], bool)
    assert Named.of(improbable, wrong) == Named(5, 2, 2, 1)


def test_its_words_are_kept_in_files_that_need_nothing_else(run, tmp_path):
    few = tmp_path / "few.root"
    write_records(few, [Records(run.schema, run.test_records[:100], np.ones(100, np.int64))], {})
    path = tmp_path / "a.aejets"
    compress(run, [str(few)], path, Settings())
    (words,) = Archive(path).words()
    autoencoder = Autoencoder.of(run)
    np.testing.assert_array_equal(words, autoencoder.words(run.test_records[:100]))
    (back,) = Archive(path).iterate()
    expected, exact = autoencoder.decode(words), run.test_records[:100]
    rounded = autoencoder.rounded(exact)
    wrong = (expected != rounded).any(axis=1)
    assert 0 < wrong.sum() < 20
    # What is decoded wrongly is kept as it was.
    np.testing.assert_array_equal(back.values, np.where(wrong[:, None], exact, rounded))
    low, high = autoencoder.decoder.decode(words).ends()
    np.testing.assert_array_equal(low, high)
    without = (
        "import sys; sys.modules.update(tensorflow=None, onnxruntime=None)\n"
        "from aefpga.cli import main\n"
        f"sys.argv = ['aefpga', 'decompress', {str(path)!r}, '-o', {str(tmp_path / 'b.root')!r}]\n"
        "main()"
    )
    subprocess.run([sys.executable, "-c", without], check=True)
    assert (tmp_path / "b.root").exists()

    bounded = tmp_path / "bounded.aejets"
    profile = Profile.relative(0.01)
    compress(run, [str(few)], bounded, Settings(profile=profile))
    (back,) = Archive(bounded).iterate()
    assert profile.within(run.schema, exact, back.values).all()


def test_it_is_measured_beside_other_schemes(run):
    quantizer = AutoencoderQuantizer(run)
    assert quantizer.widths(24).sum() == 92
    jets = run.test_records[:50]
    np.testing.assert_array_equal(
        quantizer.to_jets(quantizer.to_words(jets)), Autoencoder.of(run).reconstruct(jets)
    )


def test_activity_has_inputs_and_steps(run):
    report = judge_activity(run, max_jets=100)
    assert [x.name for x in report.float_model] == ["inputs"]
    assert [x.name for x in report.quantized] == ["inputs", "steps"]


def test_a_decoder_of_another_run_is_refused(run, tmp_path):
    for name in (layout.ENCODER, layout.ENCODER_WORDS, layout.MODULO_DECODER):
        (tmp_path / name).write_bytes((run.folder / name).read_bytes())
    assert Autoencoder.load(tmp_path, run.schema).spec.hash == run.spec.hash
    content = bytearray((tmp_path / layout.MODULO_DECODER).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / layout.MODULO_DECODER).write_bytes(content)
    with pytest.raises(RunError, match="no decoder of this encoder's words"):
        Autoencoder.load(tmp_path, run.schema)
    assert sha256_of(run.folder / layout.MODULO_DECODER)


def test_what_does_not_go_together_is_said():
    for options, match in (
        ({"model": {"kind": "modulo", "latent": 15}}, "as many latents as they need"),
        ({"model": {"kind": "modulo", "hidden": (8,)}}, "no hidden layers"),
        (
            {"model": {"kind": "modulo"}, "quantization": {"bits": None}},
            "leave out --quantize none",
        ),
        ({"model": {"kind": "modulo"}, "training": {"trainer": "qkeras"}}, "go together"),
        ({"training": {"trainer": "modulo"}}, "go together"),
    ):
        with pytest.raises(UsageError, match=match):
            load_config(None, options)
    config = load_config(None, {"model": {"kind": "modulo"}})
    assert config.trainer == "modulo"
    assert RunConfig.model_validate(config.model_dump()) == config
