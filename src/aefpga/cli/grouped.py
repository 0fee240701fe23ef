"""Options that several verbs share, written once: the fields of a dataclass."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any


def grouped(verb: Callable[..., None]) -> Callable[..., None]:
    """Let a verb take a dataclass of options; Typer sees each field as an option of its own."""
    parameters = inspect.signature(verb, eval_str=True).parameters.values()
    groups: dict[str, Any] = {
        p.name: p.annotation for p in parameters if is_dataclass(p.annotation)
    }

    @functools.wraps(verb)
    def taking_each(**given: Any) -> None:
        chosen = {
            name: group(**{f.name: given.pop(f.name) for f in fields(group)})
            for name, group in groups.items()
        }
        verb(**chosen, **given)

    each = [
        option
        for p in parameters
        for option in (
            inspect.signature(groups[p.name], eval_str=True).parameters.values()
            if p.name in groups
            else [p]
        )
    ]
    keyword_only = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in each]
    taking_each.__signature__ = inspect.Signature(keyword_only)  # type: ignore[attr-defined]
    taking_each.__annotations__ = {p.name: p.annotation for p in keyword_only}
    return taking_each
