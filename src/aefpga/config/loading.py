"""Configurations from YAML files and command-line options."""

import reprlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from aefpga.config.model import CONV, MODULO, OF_CONVOLUTIONS
from aefpga.config.run import RunConfig
from aefpga.errors import UsageError
from aefpga.yaml_files import read_yaml

# Options, by section, that say something of layers in front of the latents.
OF_LAYERS = (
    ("model", "hidden"),
    ("model", "latent_activation"),
    ("model", "batch_norm"),
    ("quantization", "activation_bits"),
    ("training", "loss"),
)

# What is no list, or no mapping, in words of YAML.
_EXPECTED = {
    "tuple_type": "expected a list, such as [1, 2]",
    "dict_type": "expected names with values, such as {a: 1}",
    "model_type": "expected options with values, such as {a: 1}",
    "missing": "is missing, and has no default",
}


def load_config(path: Path | None, overrides: dict[str, dict[str, Any]]) -> RunConfig:
    """Read a YAML configuration and apply overrides, section by section.

    Where the kind of model is overridden, what the file says of its own alone is left out.

    Parameters
    ----------
    path : Path or None
        YAML file; None starts from the defaults.
    overrides : dict
        Values by section and option.

    Raises
    ------
    UsageError
        If the file cannot be read or an option is unknown or out of range; all problems are named.
    """
    content: Any = {}
    if path is not None:
        content = read_yaml(path) or {}
    if not isinstance(content, dict) or not all(isinstance(v, dict) for v in content.values()):
        raise UsageError(
            f"{path}: expected sections ({', '.join(RunConfig.model_fields)}), each with options"
        )
    if kind := overrides.get("model", {}).get("kind"):
        for section, option in _of_another_kind(content.get("model", {}), kind):
            content.get(section, {}).pop(option, None)
    for section, options in overrides.items():
        content[section] = {**content.get(section, {}), **options}
    try:
        return RunConfig.model_validate(content)
    except ValidationError as error:
        raise UsageError(
            f"{path or 'the options'} cannot be used:\n{problems_of(error)}"
        ) from error


def _of_another_kind(model: dict[str, Any], kind: str) -> Iterator[tuple[str, str]]:
    """Yield section and name of options of a file that suit its own kind of model alone."""
    if model.get("kind") != kind:
        yield "model", "penalty"
    if kind != CONV:
        yield from (("model", option) for option in OF_CONVOLUTIONS)
    if kind != "standard":
        yield "model", "linear_path"
    if kind in ("linear", MODULO):
        yield from OF_LAYERS
    elif not model.get("hidden"):
        yield "model", "hidden"
    if kind == MODULO:
        yield "model", "latent"


def problems_of(error: ValidationError) -> str:
    """Return what is wrong with a configuration, a line for each place."""
    errors = error.errors()
    # A list with a wrong item is said to be too short, too.
    around = {e["loc"][:depth] for e in errors for depth in range(len(e["loc"]))}
    return "\n".join(_problem(e) for e in errors if e["loc"] not in around)


def _problem(error: ErrorDetails) -> str:
    place = ".".join(map(str, error["loc"])) or "configuration"
    found, said = error["input"], error["msg"].removeprefix("Value error, ")
    said = _EXPECTED.get(error["type"]) or said.replace("Input should be", "expected")
    return f"  {place}: {said}{'' if isinstance(found, dict) else f', found {reprlib.repr(found)}'}"
