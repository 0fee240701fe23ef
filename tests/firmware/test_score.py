"""Scores and trigger bits of RTL and C simulation against the emulator's."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from aefpga.config.firmware import FirmwareConfig
from aefpga.firmware.agreement import compare_all
from aefpga.firmware.hls import CSimulation, HlsOptions
from aefpga.firmware.rtl import trace, write_project
from aefpga.firmware.rtl_simulation import RtlSimulation
from aefpga.fixedpoint import Emulator, FixedType, Score, Trigger
from aefpga.fixedpoint.example import adversarial_counts, adversarial_words, random_spec
from aefpga.runs import layout
from aefpga.workflow.csim import csim

KINDS = ("absolutes", "squares", "largest")
PART = "xcvu9p-flga2104-2L-e"


def encoder(kind, *, rounding=None, overflow="WRAP", counted=None, seed=0, **options):
    """Return a tiny encoder whose trigger fires at times.

    With a rounding, the score's type is four bits narrower than exact, two of them at the low end.
    """
    spec = random_spec((3, 4, 3), 5, seed=seed, **options)
    score = Score.exact(kind, spec.latent_type, counted)
    if rounding:
        width, fraction = int(score.type.width) - 4, int(score.type.fraction) - 2
        narrow = FixedType(False, width, width - fraction, rounding, overflow)
        score = replace(score, type=narrow)
    scores = score(Emulator(spec)(adversarial_words(spec, 100)), spec.latent_type)
    different = np.unique(scores)
    return replace(spec, trigger=Trigger(score, int(different[len(different) // 2])))


def assert_exact(spec, computation):
    counts = adversarial_counts(spec, 500)
    words = spec.input.of_counts(counts)
    results = {"emulator": Emulator(spec).outputs(words), "firmware": computation.encode(counts)}
    agreements = compare_all(results, spec.outputs)
    assert [a.part for a in agreements] == ["latent words", "scores", "trigger bits"]
    assert all(a.is_exact for a in agreements)
    assert set(results["emulator"][:, -1]) == {0, 1}
    assert np.array_equal(computation(words), Emulator(spec)(words))


@pytest.mark.parametrize("dsp", [False, True])
@pytest.mark.parametrize("per_neuron", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_score_is_traced_exactly(kind, per_neuron, dsp):
    # `trace` compares da4ml's logic with the emulator, words that drive the score included.
    for seed in range(3):
        options = {"per_neuron": per_neuron, "seed": seed}
        trace(encoder(kind, counted=(0, 2), **options), 5.0, dsp=dsp)
        for rounding, overflow in (("TRN", "WRAP"), ("RND", "SAT"), ("RND_CONV", "WRAP")):
            narrow = encoder(kind, rounding=rounding, overflow=overflow, **options)
            trace(narrow, 5.0, dsp=dsp)


@pytest.mark.parametrize("kind", KINDS)
def test_words_that_are_constant_count(kind):
    spec = random_spec((3, 3), 5)
    (layer,) = spec.layers
    words, bias = layer.weight.words.copy(), layer.bias.words.copy()
    words[:, 1], bias[1] = 0, -7
    layer = replace(
        layer, weight=replace(layer.weight, words=words), bias=replace(layer.bias, words=bias)
    )
    spec = replace(spec, layers=(layer,))
    trace(replace(spec, trigger=Trigger(Score.exact(kind, spec.latent_type), 5)), 5.0)


@pytest.mark.parametrize(
    ("kind", "rounding", "overflow", "dsp"),
    [("squares", "TRN", "WRAP", False), ("squares", None, "WRAP", True)],
)
def test_rtl_gives_words_score_and_bit(kind, rounding, overflow, dsp, tmp_path):
    spec = encoder(kind, rounding=rounding, overflow=overflow, per_neuron=True)
    rtl = trace(spec, 5.0, dsp=dsp)
    write_project(rtl, tmp_path / "rtl", PART)
    simulation = RtlSimulation(rtl, tmp_path / "rtl")
    assert_exact(spec, simulation)
    assert (simulation.latency_cycles, simulation.interval_cycles) == (rtl.stages + 1, 1)
    text = (tmp_path / "rtl/src/encoder_wrapper.v").read_text()
    assert f"output [{int(spec.trigger.score.type.width) - 1}:0] score," in text
    assert "output [0:0] trigger\n" in text
    stages = [path.read_text() for path in (tmp_path / "rtl/src").glob("encoder_stage*.v")]
    assert any("multiplier #(" in stage for stage in stages) == dsp


@pytest.mark.parametrize(
    ("kind", "rounding", "overflow", "options"),
    [
        ("squares", "RND", "SAT", HlsOptions(strategy="distributed_arithmetic")),
        ("squares", None, "WRAP", HlsOptions(backend="Vivado", dsp=True)),
        ("largest", "RND_CONV", "WRAP", HlsOptions()),
    ],
)
def test_c_simulation_gives_words_score_and_bit(kind, rounding, overflow, options, tmp_path):
    pytest.importorskip("hls4ml", reason="the C simulation needs the extra `firmware`")
    spec = encoder(kind, rounding=rounding, overflow=overflow, per_neuron=True, counted=(0, 2))
    assert_exact(spec, CSimulation(spec, tmp_path, options))


def test_adversarial_words_reach_every_end_and_the_threshold():
    spec = random_spec((6, 3), 8, overflow="SAT", seed=3)
    score = Score.exact("squares", spec.latent_type)
    spec = replace(spec, trigger=Trigger(score, 2000))
    found = Emulator(spec).outputs(adversarial_words(spec, 20))
    # Of a single layer the inputs that drive an output are known by the signs of its weights.
    positive = spec.layers[0].weight.words.T > 0
    ends = np.where(np.vstack([positive, ~positive]), spec.input.max_word, spec.input.min_word)
    latent = Emulator(spec)(ends)
    assert np.array_equal(found[:, :3].max(axis=0), np.diagonal(latent[:3]))
    assert np.array_equal(found[:, :3].min(axis=0), np.diagonal(latent[3:]))
    random = Emulator(spec).outputs(adversarial_words(spec, 5000))
    assert found[:, 3].max() >= random[:, 3].max()
    assert found[-2:, 4].tolist() == [1, 0]
    assert np.ptp(found[-2:, 3]) < 100


@pytest.fixture
def run(tmp_path):
    """What `csim` asks of a run, of an encoder with a trigger."""
    spec = encoder("absolutes")
    return SimpleNamespace(
        spec=spec,
        firmware=FirmwareConfig(),
        test_quantities=lambda most=None: adversarial_counts(spec, 50)[:most],
        name="scored",
        is_alone=True,
        folder=tmp_path,
    )


def test_csim_names_the_score_where_only_it_differs(run, tmp_path, monkeypatch):
    found = csim(run, tmp_path, without=("hls",))
    assert found.is_exact
    assert [a.title for a in found.agreements] == [
        "emulator = RTL",
        "emulator = RTL, scores",
        "emulator = RTL, trigger bits",
    ]
    written = json.loads((tmp_path / layout.AGREEMENT).read_text())
    assert [a["part"] for a in written["agreements"]] == list(run.spec.outputs)
    honest, column = RtlSimulation.encode, 3

    def wrong(simulation, counts):
        outputs = honest(simulation, counts).copy()
        outputs[5, column] += 1
        return outputs

    monkeypatch.setattr(RtlSimulation, "encode", wrong)
    difference = csim(run, tmp_path, without=("hls",)).difference
    assert (difference.layer, difference.values[1] - difference.values[0]) == ("scores", 1)
    assert difference.inputs == tuple(run.spec.input.of_counts(run.test_quantities())[5])
    assert "part at the scores: that of jet 5 is" in str(difference)
    column = 1
    # Where every layer gives the words of its input words, what makes those must be wrong.
    monkeypatch.setattr(RtlSimulation, "trace", lambda self, words: Emulator(run.spec).trace(words))
    difference = csim(run, tmp_path, without=("hls",)).difference
    assert "part at the front end, as all layers agree: latent word 1 of jet 5 is" in str(
        difference
    )
