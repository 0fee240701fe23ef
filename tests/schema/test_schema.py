import json

import pytest

from aefpga.errors import DataError, UsageError
from aefpga.schema import JETS, KINDS, Schema, Variable, find_schema, register


def test_sets_of_jets_have_the_sizes_that_they_are_named_for():
    sizes = {name: len(JETS.choose(name)) for name in JETS.sets}
    assert sizes == {"28": 28, "27": 27, "24": 24, "19": 19, "4": 4}
    assert JETS.choose() == JETS.choose("24")
    assert set(JETS.sets["4"]) < set(JETS.sets["19"]) < set(JETS.sets["24"])


def test_relations_of_jets_are_among_variables():
    for name, terms in JETS.sums.items():
        assert JETS.holds(name, *terms)
    for particles in JETS.classes:
        assert JETS.holds(particles.energy, particles.count)
    assert JETS.holds(*JETS.momentum.names, *(c.variable for c in JETS.cuts), *JETS.headline)


def test_a_table_keeps_the_relations_that_its_columns_allow():
    table = JETS.select(["photon_energy", "neutral_em_energy", "hf_em_energy", "pt"])
    assert table.totals == ((0, ()), (2, ()), (3, ()), (1, (0, 2)))
    assert table.n_independent == 3
    assert JETS.choose("pt, neutral_em_energy").totals == ((0, ()), (1, ()))
    assert table.shown == ("pt", "photon_energy", "hf_em_energy")


def test_unknown_names_say_what_there_is():
    with pytest.raises(UsageError, match=r"no set or variable 42; the sets are 28, 27, 24, 19, 4"):
        JETS.choose("42")
    with pytest.raises(UsageError, match="photon_energy"):
        JETS.variable("photon_enrgy")
    with pytest.raises(UsageError, match="pt: each variable once"):
        JETS.choose("pt,eta,pt")
    with pytest.raises(UsageError, match=r"unknown record muons: neither one that is known \(jets"):
        find_schema("muons")


def test_a_schema_survives_json_and_damage_is_named():
    content = json.loads(json.dumps(JETS.to_config()))
    assert Schema.from_config(content, "a file") == JETS
    content["variables"][3]["kind"] = "weight"
    with pytest.raises(
        DataError, match=r"a file holds no schema .*kind of variable mass: .*energy"
    ):
        Schema.from_config(content, "a file")
    for nonsense in (None, [], {"name": "x", "variables": []}, {"name": "x"}):
        with pytest.raises(DataError, match="a file"):
            Schema.from_config(nonsense, "a file")


def test_a_record_can_be_registered():
    hits = Schema(name="hits", variables=(Variable(name="charge", kind=KINDS["energy"]),))
    register(hits)
    assert find_schema("hits") is hits
    assert hits.choose() is hits
