"""A run in words: they follow from its configuration and its specification."""

from dataclasses import replace

import pytest

from aefpga.config import ModelConfig, QuantizationConfig
from aefpga.runs import Run
from aefpga.workflow.summary import describe, residuals


def other(run, **sections):
    """Return the run with another configuration; nothing else is read for the words asked for."""
    changed = replace(run)
    changed.__dict__["config"] = run.config.model_copy(update=sections)
    return changed


def test_words_of_a_quantized_network(tiny_run):
    assert describe(tiny_run) == {
        "trained on": "24 variables of jets, normalisation physics",
        "encoder": "standard, 24-16-8-6, ReLU",
        "decoder": "8-16, floating point",
        "training": "floating point first, then quantization-aware with QKeras",
        "widths": "inputs 2 to 18 bits, weights 6, latents 6: 36 bits sent",
    }


def test_values_that_were_clipped_in_training_are_said(tiny_run):
    manifest = {**tiny_run.manifest, "saturated_training_values": {"pt": 1200, "eta": 3}}
    said = describe(replace(tiny_run, manifest=manifest))["saturated in training"]
    assert said.startswith("1,200 in pt, 3 in eta: beyond")


def test_the_manifest_says_how_it_was_trained(tiny_run):
    assert tiny_run.manifest["training"] == describe(tiny_run)["training"]


def test_a_linear_encoder_says_why_it_is_not_quantization_aware(tiny_run):
    words = describe(other(tiny_run, model=ModelConfig(latent=6)))
    assert words["encoder"] == "linear, 24-6"
    assert words["decoder"] == "128-128 beside a linear path, floating point"
    assert "quantization-aware training gains a linear encoder nothing" in words["training"]


def test_rounded_weights_say_what_they_cost(tiny_run):
    run = replace(tiny_run, manifest={**tiny_run.manifest, "rounding": {
        "weight_bits_at_most": 8, "signed_digits": 214, "weights_of_zero": 217,
        "price_of_a_digit": 0.008, "rise_of_validation_error": 0.004,
        "largest_rise": {"variable": "muon_energy", "rise": 0.07},
        "sums_without_weights": ["charged_em_energy"],
    }})  # fmt: skip
    said = describe(run)["weights"]
    assert "of at most 8 bits" in said
    assert "214 digits that are not zero, 217 weights of zero" in said
    assert "+0.4% against unrounded weights, muon_energy +7.0%" in said
    assert said.endswith("charged_em_energy have none, being sums of others")


def test_learned_widths_say_what_was_chosen_and_what_it_saves(tiny_run):
    run = other(tiny_run, model=ModelConfig(kind="standard", hidden=(20, 8), latent=6))
    run.__dict__["front"] = {
        "rule": "the cheapest that is as accurate as uniform 6-bit words",
        "is_met": True,
        "uniform": {"luts": 1000.0, "validation_loss": 2e-5},
        "points": [
            {"luts": 400.0, "validation_loss": 1e-5, "chosen": True},
            {"luts": 300.0, "validation_loss": 3e-5, "chosen": False},
        ],
    }
    words = describe(run)
    assert words["encoder"].endswith("of these neurons 24-16-8-6 are worth a bit")
    assert "of 2 encoders the cheapest that is as accurate as uniform 6-bit" in words["training"]
    assert "400 LUTs, 40% of that with uniform widths" in words["training"]


def test_the_penalty_is_said(tiny_run):
    model = ModelConfig(kind="sparse-l1", hidden=(20, 8), latent=6, penalty=2e-5)
    assert describe(other(tiny_run, model=model))["penalty"] == (
        "2e-05 times: L1 norm of each hidden neuron"
    )
    model = ModelConfig(kind="vae", hidden=(20, 8), latent=6, penalty_rule="study")
    assert describe(other(tiny_run, model=model))["penalty"] == (
        "1 times: divergence from a unit normal, summed over the batch"
    )


def test_a_float_run_says_so(tiny_run, monkeypatch):
    monkeypatch.setattr(Run, "is_quantized", False)
    words = describe(other(tiny_run, quantization=QuantizationConfig(bits=None)))
    assert words["training"].startswith("floating point only")
    assert "widths" not in words


def test_residuals_are_those_of_the_words(tiny_run):
    quality = residuals(tiny_run)
    assert quality.variable("pt").residual.records == len(tiny_run.test_records)
    assert 0 < quality.variable("pt").residual.half_width_68 < 2
    assert quality.variable("pt").kind == "relative"


@pytest.mark.parametrize("name", ["pt", "eta"])
def test_the_headline_is_judged(tiny_run, name):
    assert name in residuals(tiny_run).shown


def test_what_the_data_never_had_is_not_judged(tiny_run, monkeypatch):
    monkeypatch.setattr(Run, "lacking", ("mass",))
    assert "mass" not in [v.name for v in residuals(tiny_run).variables]
