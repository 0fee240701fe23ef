import numpy as np

from aefpga.schema import JETS
from aefpga.schema.relations import consistent

TABLE = JETS.select(
    ("photon_energy", "hf_em_energy", "photon_multiplicity", "hf_em_multiplicity",
     "neutral_em_energy", "electron_energy", "neutral_multiplicity")
)  # fmt: skip


def test_absent_particles_have_no_energy_and_sums_are_sums():
    decoded = np.array([[3, 0.2, 2, 0, 4, 0.7, 5], [0.1, 2, 0, 1, 9, 0.7, 5]], np.float32)
    expected = np.array([[3, 0, 2, 0, 3, 0.7, 5], [0, 2, 0, 1, 2, 0.7, 5]], np.float32)
    before = decoded.copy()
    np.testing.assert_array_equal(consistent(TABLE, decoded), expected)
    np.testing.assert_array_equal(decoded, before)
    np.testing.assert_array_equal(consistent(TABLE, expected), expected)


def test_counts_that_the_data_never_had_say_nothing():
    decoded = np.array([[3, 0.2, 0, 0, 4, 0.7, 5]], np.float32)
    lacking = ("photon_multiplicity", "hf_em_multiplicity", "neutral_em_energy")
    np.testing.assert_array_equal(consistent(TABLE, decoded, lacking), decoded)


def test_real_jets_are_consistent_already(jets):
    schema = JETS.choose("24")
    changed = np.abs(consistent(schema, jets) - jets).max(axis=0)
    # Sums of float32 terms, rounded once.
    assert (changed <= 1e-6 * np.abs(jets).max(axis=0)).all()
