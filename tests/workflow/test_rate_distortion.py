import numpy as np
import pytest

from aefpga.errors import UsageError
from aefpga.evaluation.error_bounded import compress_columns, error_bounded
from aefpga.normalise import Normaliser
from aefpga.progress import silent
from aefpga.schema import JETS
from aefpga.workflow.rate_distortion import draw, jets_to_judge, rate_distortion

pytest.importorskip("imagecodecs", reason="the baselines need the extra `baselines`")
VARIABLES = JETS.choose("24")


@pytest.fixture(scope="module")
def points(tiny_run):
    jets, variables = jets_to_judge([], None, None, None, 1500, step=silent)
    assert jets.shape == (1500, 24)
    with pytest.MonkeyPatch.context() as patch:
        # Little is learned of 750 jets, however long it takes.
        patch.setattr("aefpga.codec.learning.BATCHES", 20)
        return rate_distortion(jets, variables, [tiny_run], step=silent)


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
    sizes = [p.bits_per_jet["fixed rate"] for p in truncated]
    widths = [p.quality.variable("pt").residual.half_width_68 for p in truncated]
    assert sizes == sorted(sizes)
    assert widths == sorted(widths, reverse=True)
    lossless = truncated[-1]
    assert lossless.scheme == "lossless"
    assert lossless.quality.mse == 0
    assert lossless.bits_per_jet["fixed rate"] == 24 * 32


def test_the_autoencoder_sends_its_latent_words(points, tiny_run):
    autoencoder = next(p for p in points if p.family == "autoencoder")
    assert autoencoder.bits_per_jet["fixed rate"] == tiny_run.spec.bits_per_jet


def test_pictures(points, tmp_path):
    draw(points, tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"fixed-rate.png", "compressed.png"}


def test_runs_of_other_variables_are_refused(tiny_run):
    jets, variables = jets_to_judge([], None, None, "19", 200, step=silent)
    with pytest.raises(UsageError, match="24 variables, the jets have 19"):
        rate_distortion(jets, variables, [tiny_run], step=silent)


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
