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
    return "\n".join(map(_problem, error.errors()))


def _problem(error: ErrorDetails) -> str:
    place = ".".join(map(str, error["loc"])) or "configuration"
    found = error["input"]
    said = "" if isinstance(found, dict) else f", found {reprlib.repr(found)}"
    return f"  {place}: {error['msg'].removeprefix('Value error, ')}{said}"
