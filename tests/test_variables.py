import pytest

from aefpga.errors import UsageError
from aefpga.variables import NAMES, SUMS, VARIABLE_SETS, variable, variable_set


def test_sets_have_the_sizes_that_they_are_named_for():
    assert {name: len(names) for name, names in VARIABLE_SETS.items()} == {
        "28": 28,
        "27": 27,
        "24": 24,
        "19": 19,
        "4": 4,
    }
    assert len(set(NAMES)) == 28
    assert set(VARIABLE_SETS["4"]) < set(VARIABLE_SETS["19"]) < set(VARIABLE_SETS["24"])


def test_sums_are_of_variables():
    for name, terms in SUMS.items():
        assert {name, *terms} <= set(NAMES)


def test_unknown_names_say_what_there_is():
    with pytest.raises(UsageError, match="28, 27, 24, 19, 4"):
        variable_set("42")
    with pytest.raises(UsageError, match="photon_energy"):
        variable("photon_enrgy")
