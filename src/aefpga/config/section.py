"""What all sections of a configuration share."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Options that cannot be changed; unknown ones and numbers that are none are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
