"""Reading YAML that users write: whatever is wrong with it is one clear error."""

from pathlib import Path
from typing import Any

import yaml

from aefpga.errors import UsageError

# What PyYAML's constructors raise for `2020-13-45` or `!!bool x`.
_WRONG = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError)


def read_yaml(path: Path) -> Any:
    """Return the content of a YAML file.

    Raises
    ------
    UsageError
        If the file cannot be read, or is no valid YAML; where is said, as far as it is known.
    """
    try:
        return yaml.safe_load(path.read_text())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"cannot read {path}: expected a text in UTF-8 ({error})") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UsageError(f"{path}{where}: no valid YAML ({error.problem})") from error
    except RecursionError as error:
        raise UsageError(f"{path}: no usable YAML (nested too deeply)") from error
    except (yaml.YAMLError, *_WRONG) as error:
        raise UsageError(f"{path}: no valid YAML ({error})") from error
