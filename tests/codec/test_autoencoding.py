from dataclasses import replace

from crafted import SCHEMA, make_model

from aefpga.workflow.compress import Settings, make_codec


def test_counts_that_a_model_never_learned_take_no_energy(jets, tmp_path):
    """A run trained where there are no multiplicities decodes zeros for them, and true energies."""
    run = make_model(tmp_path / "model", jets[:500])
    counts = [v.name for v in SCHEMA.variables if v.kind.is_count]
    energies = [SCHEMA.index(c.energy) for c in SCHEMA.classes]
    decoded = []
    for filled in ([], counts):
        lacking = replace(run, manifest={"data": {"filled": filled}})
        codec = make_codec(lacking, SCHEMA, Settings())
        again = type(codec).from_config(codec.to_config(), codec.task)
        decoded.append(again.restore(codec.quantize(jets[:200]).tables)[:, energies])
    learned, unlearned = decoded
    changed = learned != unlearned
    assert changed.any()
    assert (learned[changed] == 0).all()
