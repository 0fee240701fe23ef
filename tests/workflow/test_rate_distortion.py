import numpy as np
import pytest

from aefpga.codec.bounds import Profile
from aefpga.codec.protocol import Task
from aefpga.codec.scalar import Scalar
from aefpga.entropy.gated import GatedHistograms
from aefpga.errors import UsageError
from aefpga.evaluation.error_bounded import compress_columns, error_bounded
from aefpga.normalise import Normaliser
from aefpga.schema import JETS
from aefpga.workflow.rate_distortion import _bounded, draw, rate_distortion, records_to_judge

pytest.importorskip("imagecodecs", reason="the baselines need the extra `baselines`")
VARIABLES = JETS.choose("24")


@pytest.fixture(scope="module")
def points(tiny_run):
    jets, variables, _ = records_to_judge([], most=1500)
    assert jets.shape == (1500, 24)
    with pytest.MonkeyPatch.context() as patch:
        # Little is learned of 750 jets, however long it takes.
        patch.setattr("aefpga.entropy.learning.BATCHES", 20)
        return rate_distortion(jets, variables, [tiny_run]).points


def test_every_family_is_there_and_more_bits_are_closer(points):
    families = {p.family for p in points}
    assert families >= {
        "autoencoder",
        "float truncation",
        "logarithmic",
        "uniform",
        "PCA",
        "SZ3",
        "modulo words",
    }
    truncated = [p for p in points if p.family == "float truncation"]
    sizes = [p.bits_per_record["fixed rate"] for p in truncated]
    widths = [p.quality.variable("pt").residual.half_width_68 for p in truncated]
    assert sizes == sorted(sizes)
    assert widths == sorted(widths, reverse=True)
    lossless = truncated[-1]
    assert lossless.scheme == "lossless"
    assert lossless.quality.mse == 0
    assert lossless.bits_per_record["fixed rate"] == 24 * 32


def test_the_autoencoder_sends_its_latent_words(points, tiny_run):
    autoencoder = next(p for p in points if p.family == "autoencoder")
    assert autoencoder.bits_per_record["fixed rate"] == tiny_run.spec.bits_per_jet


def test_pictures(points, tmp_path):
    draw(points, tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {
        "fixed-rate.png",
        "fixed-rate.pdf",
        "compressed.png",
        "compressed.pdf",
    }


def test_a_scheme_that_the_records_are_too_few_for_is_left_out(jets, monkeypatch):
    module = "aefpga.workflow.rate_distortion"
    monkeypatch.setattr(f"{module}.error_bounded", dict)
    for name in ("OUR_TOLERANCES", "LEARNED_TOLERANCES"):
        monkeypatch.setattr(f"{module}.{name}", ())
    found = rate_distortion(jets[:200], VARIABLES, [])
    assert list(found.left_out) == ["modulo words"]
    assert "80 records to learn from and 20 to judge by" in found.left_out["modulo words"]
    assert {p.family for p in found.points} >= {"float truncation", "logarithmic", "PCA"}


def test_runs_of_other_variables_are_refused(tiny_run):
    jets, variables, _ = records_to_judge([], variables="19", most=200)
    with pytest.raises(UsageError, match="24 variables, the jets have 19"):
        rate_distortion(jets, variables, [tiny_run])


@pytest.mark.parametrize("name", ["SZ3", "zfp"])
def test_errors_are_bounded(jets, name):
    normaliser = Normaliser("natural", VARIABLES).fit(jets)
    size, back = compress_columns(error_bounded()[name], jets, VARIABLES, normaliser, 0.02)
    assert 0 < size < jets.nbytes
    columns = normaliser.transform(back) - normaliser.transform(jets)
    for i, variable in enumerate(VARIABLES.variables):
        worst = np.abs(columns[:, i]).max()
        if variable.kind.is_count:
            assert worst == 0
        else:
            assert worst <= (0.03 if variable.kind.name == "angle" else 0.02) * 1.01


def test_what_the_scalar_quantizer_is_judged_by_comes_from_its_bytes(jets, monkeypatch):
    quantization = Scalar(Task(VARIABLES, profile=Profile.relative(0.01)))
    bits, back = _bounded(quantization, "fast", jets[:500], jets[500:1000])
    assert 0 < bits < 32 * 24
    assert Profile.relative(0.01).within(VARIABLES, jets[500:1000], back).all()
    decode = GatedHistograms.decode
    monkeypatch.setattr(GatedHistograms, "decode", lambda *a: decode(*a) + 1)
    _, corrupted = _bounded(quantization, "fast", jets[:500], jets[500:1000])
    assert not Profile.relative(0.01).within(VARIABLES, jets[500:1000], corrupted).all()


def test_the_embedded_sample_holds_no_other_record():
    toys = JETS.model_copy(update={"name": "toys"})
    with pytest.raises(UsageError, match="no embedded sample of toys"):
        records_to_judge([], record=toys, most=100)


def test_columns_that_a_file_lacks_are_left_out(shared_data):
    files = [str(shared_data / "nanoAOD_2015_CMS_Open_Data_ttbar.root")]
    table, schema, lacking = records_to_judge([], files, most=200)
    assert lacking == ()
    assert table.shape[1] == len(schema) < 24
    assert "photon_multiplicity" not in schema.names
