"""A run in words and in a few figures: what was trained, how, and how well it does."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aefpga.config import MODULO, ModelConfig, RunConfig
from aefpga.evaluation.metrics import Quality, judge
from aefpga.fixedpoint import EncoderSpec
from aefpga.runs import Run
from aefpga.runs.autoencoder import Autoencoder, FloatAutoencoder

# Records on which the residuals of a summary, or of a search, are measured; `evaluate` takes all.
RECORDS = 20_000
# Why a linear encoder is not trained quantization-aware: see `trainers/qkeras/linear.py`.
FROZEN = (
    "encoder trained in floating point with noise for the rounding, then frozen as integers, on "
    "which the decoder trained; quantization-aware training gains a linear encoder nothing"
)


def describe(run: Run) -> dict[str, str]:
    """Return what a run is, in words, by topic."""
    if run.is_alone:
        return _imported(run)
    words = _modulo(run) if run.config.model.kind == MODULO else _network(run)
    if saturated := run.manifest.get("saturated_training_values"):
        counts = ", ".join(f"{n:,} in {name}" for name, n in saturated.items())
        words["saturated in training"] = f"{counts}: beyond the range of the encoder's inputs"
    return words


def _network(run: Run) -> dict[str, str]:
    config, schema, model = run.config, run.schema, run.config.model
    convolutions = (f"{n}@{model.kernel}x{model.kernel}" for n in model.filters)
    sizes = "-".join(map(str, (len(schema), *convolutions, *model.hidden, model.n_latent)))
    activation = model.activation.replace("_", " ").replace("relu", "ReLU")
    words = {
        "trained on": f"{len(schema)} variables of {schema.name}, normalisation "
        f"{config.data.normalisation}",
        "encoder": f"{config.model.kind}, {sizes}"
        + ("" if config.model.is_linear else f", {activation}")
        + (", beside a linear path" if config.model.linear_path else ""),
        "decoder": _decoder(config),
        **({"penalty": penalty} if (penalty := _penalty(config.model)) else {}),
        "training": describe_training(config, run.front),
    }
    if run.is_quantized:
        words["widths"] = _widths(run.spec)
        if rounding := run.manifest.get("rounding"):
            words["weights"] = _rounding(rounding)
        if run.front is not None and run.spec.layout != sizes:
            words["encoder"] += f"; of these neurons {run.spec.layout} are worth a bit"
    if pruned := run.manifest.get("pruned"):
        n = sum(pruned["silent"].values())
        words["encoder"] += f"; run {pruned['from']} without {n} silent neurons"
    return words


def _imported(run: Run) -> dict[str, str]:
    facts = run.imported
    words = {"encoder": f"{run.spec.layout}, imported"}
    words |= {key: str(facts[key]) for key in ("source", "format", "compared") if key in facts}
    return {**words, "decoder": "none", "widths": _widths(run.spec)}


def _modulo(run: Run) -> dict[str, str]:
    first, last = run.spec.layers
    return {
        "trained on": f"{first.n_in} variables of {run.schema.name}",
        "encoder": f"modulo, {run.spec.layout}: steps of {first.n_out} variables, and {last.n_out} "
        "words of their low bits and sums",
        "decoder": "a search for the most probable steps that have these words",
        "training": "what is probable was learned in floating point and rounded to integers; steps "
        "are not trained, their sizes are the residuals wanted",
        "widths": _widths(run.spec),
    }


def residuals(run: Run, records: NDArray[np.float32] | None = None) -> Quality:
    """Judge a run, its words where it is quantized or its floats, on some of its test records.

    Or on some of `records`, in physical units, shape (n_records, n_variables).
    """
    records = (run.test_records if records is None else records)[:RECORDS]
    autoencoder = Autoencoder.of(run) if run.is_quantized else FloatAutoencoder.of(run)
    found = autoencoder.reconstruct(records)
    return judge(records, found, run.schema, run.normaliser.min_max_, run.lacking)


def _decoder(config: RunConfig) -> str:
    image = ["transposed convolutions"] * bool(config.model.filters)
    layers = "-".join([*map(str, config.model.decoder_layers), *image])
    beside = " beside a linear path" * config.model.has_linear_path
    return f"{layers}{beside}, floating point"


def _penalty(model: ModelConfig) -> str | None:
    """Say what besides the error is trained on; None of kinds without a penalty."""
    is_study = model.penalty_rule == "study"
    what = {
        "sparse-l1": "L1 norm of "
        + ("all layers, mean over units" if is_study else "each hidden neuron"),
        "sparse-kl": f"divergence from {model.target_activation:g} of "
        + ("each jet's mean sigmoid, all layers" if is_study else "each hidden neuron's mean"),
        "vae": "divergence from a unit normal, "
        + ("summed over the batch" if is_study else "mean over jets"),
        "adversarial": "discriminator",
    }.get(model.kind)
    return what and f"{model.penalty:g} times: {what}"


def describe_training(config: RunConfig, front: Mapping[str, Any] | None) -> str:
    """Say how the encoder was trained; where not quantization-aware, why.

    Parameters
    ----------
    config : RunConfig
        Of the run.
    front : Mapping or None
        Of a run with learned widths.
    """
    if config.quantization.bits is None:
        return "floating point only (`--quantize none`): there are no words to send"
    if front is not None:
        return _learned(front)
    if config.trainer != "qkeras":
        return f"by the trainer {config.trainer}"
    if config.model.has_linear_path:
        return FROZEN
    return "floating point first, then quantization-aware with QKeras"


def _learned(front: Mapping[str, Any]) -> str:
    """Say how widths were learned, and which point of the front this is."""
    point = next(p for p in front["points"] if p["chosen"])
    cost, uniform = point["luts"], front["uniform"]
    missed = (
        "" if front["is_met"] else ", which none is: one about as accurate as the best was taken"
    )
    return (
        "floating point first, then with a price for every bit (learned widths, arXiv:2405.00645), "
        f"then the decoder alone on the words; of {len(front['points'])} encoders {front['rule']}"
        f"{missed}. da4ml's cost {cost:,.0f} LUTs, {cost / uniform['luts']:.0%} of that with "
        f"uniform widths; validation MSE {point['validation_loss']:.2e}, uniform "
        f"{uniform['validation_loss']:.2e}"
    )


def _widths(spec: EncoderSpec) -> str:
    weights = _range(int(w) for x in spec.layers for w in x.matrix.type.width.ravel())
    inputs = _range(int(w) for w in np.ravel(spec.input.type.width))
    latents = _range(int(w) for w in np.ravel(spec.latent_type.width))
    return (
        f"inputs {inputs} bits, weights {weights}, latents {latents}: {spec.bits_per_jet} bits sent"
    )


def _rounding(rounding: Mapping[str, Any]) -> str:
    """Say how many digits the weights of a linear encoder have, and what that costs."""
    worst, sums = rounding["largest_rise"], rounding["sums_without_weights"]
    kept = "as given" if not rounding["price_of_a_digit"] else "with the digits that are worth it"
    none = f"; {', '.join(sums)} have none, being sums of others" if sums else ""
    return (
        f"of at most {rounding['weight_bits_at_most']} bits, rounded together, {kept}: "
        f"{rounding['signed_digits']} digits that are not zero, {rounding['weights_of_zero']} "
        f"weights of zero; validation error {rounding['rise_of_validation_error']:+.1%} against "
        f"unrounded weights, {worst['variable']} {worst['rise']:+.1%}{none}"
    )


def _range(widths: Iterable[int]) -> str:
    found = sorted(set(widths))
    return f"{found[0]}" if len(found) == 1 else f"{found[0]} to {found[-1]}"
