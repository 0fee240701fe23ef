"""What all sections of a configuration share."""

import difflib
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """Options that cannot be changed; unknown ones and numbers that are none are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_options(cls, content: Any) -> Any:
        if isinstance(content, dict):
            for name in content.keys() - cls.model_fields.keys():
                near = difflib.get_close_matches(str(name), cls.model_fields, n=1)
                known = f"{', '.join(cls.model_fields)} were expected"
                hint = f"did you mean {near[0]}?" if near else known
                raise ValueError(f"there is no option {name!s:.40}; {hint}")
        return content
