"""What configurations say of cells."""

import pytest

from aefpga.config import DataConfig


def test_a_record_has_its_usual_normalisation():
    assert DataConfig().normalisation == "physics"
    assert DataConfig(record="cells").normalisation == "shares"
    assert DataConfig(record="regions").normalisation == "physics"
    assert DataConfig(record="cells", normalisation="physics").normalisation == "physics"
    again = DataConfig.model_validate(DataConfig(record="cells").model_dump(mode="json"))
    assert again.normalisation == "shares"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"record": "jets"}, "pt, eta, phi"),
        ({"record": "cells", "variables": "49"}, "charge are none"),
    ],
)
def test_shares_are_of_cells_alone(options, said):
    with pytest.raises(ValueError, match=said):
        DataConfig(normalisation="shares", **options)
