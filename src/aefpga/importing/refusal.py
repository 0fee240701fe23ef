"""What is refused: a layer, and why it cannot be represented exactly."""

from aefpga.errors import DataError


class Refusal(DataError):
    """A part of an encoder that no specification can hold, or that makes no sense."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
