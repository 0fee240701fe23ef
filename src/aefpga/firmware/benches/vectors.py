"""Records for the benches, as they were packed by who made the project, and pauses.

`layout.json` says what is in the other two files; how bytes are made of words is in docs/link.md.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LAYOUT: dict[str, Any] = json.loads((HERE / "layout.json").read_text())
# Longer than the FIFO is deep, so that it fills and drains.
LONGEST_PAUSE = 50


def _records(name: str, n_bytes: int) -> list[bytes]:
    content = (HERE / name).read_bytes()
    return [content[i : i + n_bytes] for i in range(0, len(content), n_bytes)]


# The bytes of each record's quantities, and those of the words that shall come of them.
QUANTITIES = _records("quantities.bin", LAYOUT["in_bytes"])
WORDS = _records("words.bin", LAYOUT["out_bytes"])


def shuffled(n: int) -> list[int]:
    """Return the numbers of `n` records in random order, all of them before any comes again."""
    chosen: list[int] = []
    while len(chosen) < n:
        chosen += random.sample(range(len(WORDS)), len(WORDS))
    return chosen[:n]


def pauses(share: float) -> Iterator[bool]:
    """Yield for each cycle whether to pause: single cycles and long bursts, `share` of them."""
    while True:
        length = random.choice((1, 1, 1, random.randint(2, LONGEST_PAUSE)))
        paused = random.random() < share
        for _ in range(length):
            yield paused
