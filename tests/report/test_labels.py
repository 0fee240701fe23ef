"""Labels and figures as they stand on a page."""

import pytest

from aefpga.report import formats
from aefpga.report.labels import html, label
from aefpga.schema import JETS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$p_T$ [GeV]", "<i>p</i><sub>T</sub> [GeV]"),
        (r"$\Delta$$p_T$ / $p_T$", "<i>Δp</i><sub>T</sub> / <i>p</i><sub>T</sub>"),
        (r"$E_{h^\pm}$", "<i>E</i><sub>h±</sub>"),
        (r"$E_{h^0}$", "<i>E</i><sub>h⁰</sub>"),
        (r"$E_{\mathrm{HF\ em}}$", "<i>E</i><sub>HF em</sub>"),
        (r"$x^2$", "<i>x</i><sup>2</sup>"),
        ("plain_name", "plain_name"),
        (r"$\unknown$", "<i>unknown</i>"),
        ("$x_", "<i>x</i>"),
        ("<b>&$<i>$", "&lt;b&gt;&amp;&lt;<i>i</i>&gt;"),
    ],
)
def test_mathematics_is_set_as_html(text, expected):
    assert html(label(text)) == expected


def test_no_symbol_of_jets_is_left_as_it_is_typed():
    for variable in JETS.variables:
        assert not set("\\{}$") & set("".join(text for text, _ in label(variable.label)))


@pytest.mark.parametrize(
    ("number", "written"),
    [(0.0132, "0.013"), (0.0996, "0.10"), (0.0999, "0.10"), (384, "380"), (0, "0"), (9.99, "10"),
     (0.00001, "0.000010"), (1e-9, "1.0e−09"), (-0.013, "−0.013"),
     (12345.6, "12,000"), (None, None)],
)  # fmt: skip
def test_two_digits_mean_something(number, written):
    assert formats.significant(number) == written


@pytest.mark.parametrize(
    ("share", "written"),
    [
        (0.01024, "1.02"),
        (1e-6, "< 0.01"),
        (0.0, "0.00"),
        (-1e-6, "0.00"),
        (-0.012, "−1.20"),
        (0.99999, "> 99.99"),
        (1.0, "100.00"),
        (999.99, "99999.00"),
        (41621946.9, "4.2e+09"),
        (1.06e16, "1.1e+18"),
    ],
)
def test_shares_are_nothing_or_all_only_if_they_are(share, written):
    assert formats.percent(share) == written


def test_a_single_wrong_word_is_seen():
    assert formats.agreement(10**9, 10**9) == "100"
    assert formats.agreement(10**9 - 1, 10**9) == "99.9999"
