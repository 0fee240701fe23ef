"""One schema for what any synthesis tool, licensed or open, says of a design."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

SCHEMA_VERSION = 1

Kind = Literal["logic synthesis", "HLS estimate", "post-synthesis", "post-route", "cost model"]


@dataclass(frozen=True)
class Resources:
    """Primitives used; None where the tool says nothing.

    `carry` counts the primitives that `carry_kind` names: CARRY4 (7 series) or CARRY8 (UltraScale
    and later). `bram` is in units of RAMB18.
    """

    lut: float | None
    ff: float | None
    dsp: float | None
    bram: float | None
    uram: float | None = None
    carry: float | None = None
    carry_kind: str | None = None


@dataclass(frozen=True)
class Frequency:
    """Maximum clock frequency in MHz, how it was found and how far it may be off."""

    mhz: float
    method: str
    low_mhz: float | None = None
    high_mhz: float | None = None

    def __str__(self) -> str:
        if self.low_mhz is None or self.high_mhz is None:
            return f"{self.mhz:.0f} MHz"
        return f"{self.mhz:.0f} ({self.low_mhz:.0f} to {self.high_mhz:.0f}) MHz"


@dataclass(frozen=True)
class SynthesisReport:
    """What a tool reported of one design on one part.

    Parameters
    ----------
    design : str
        Layout and precision in words, such as ``24-64-32-15, 8 bits``.
    encoder_hash : str
        Content hash of the `EncoderSpec`.
    part, clock_period_ns : str, float
        Full part name and target clock period in ns.
    tool, tool_version : str
        Such as ``Yosys``, ``0.70``.
    kind : str
        What sort of figure the resources are.
    latency_cycles, interval_cycles : int
        Clock cycles from an input to its output, and from one input to the next (II).
    latency_source : str
        How both were found, such as ``measured in Verilator simulation``.
    resources : Resources
        Primitives used.
    available : Resources
        Totals of the part.
    frequency : Frequency or None
        Maximum frequency: an estimate, or after routing what the tool's timing analysis says.
    uncertainty : Mapping from str to str
        For each figure, the stated uncertainty and where it comes from.
    notes : tuple of str
        What a reader must know: tools that were missing, what was used instead.
    seconds : float
        Wall-clock time of the flow.
    estimate : Frequency or None
        Of a design that open tools routed, what the estimate made for UltraScale+ says of it.
    sources : Mapping from str to str
        SHA-256 of each Verilog file that was synthesized, by its path in the RTL project; none of
        an HLS project.
    """

    design: str
    encoder_hash: str
    part: str
    clock_period_ns: float
    tool: str
    tool_version: str
    kind: Kind
    latency_cycles: int
    interval_cycles: int
    latency_source: str
    resources: Resources
    available: Resources
    frequency: Frequency | None
    uncertainty: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    estimate: Frequency | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_routed(self) -> bool:
        """Whether resources and clock are those of a routed design."""
        return self.kind == "post-route"

    @property
    def clock_name(self) -> str:
        """What `frequency` is, in words."""
        return "maximum clock, routed" if self.is_routed else "maximum clock, estimated"

    @property
    def latency_ns(self) -> float:
        """Latency in ns at the target clock."""
        return self.latency_cycles * self.clock_period_ns

    def percent(self, resource: str) -> float | None:
        """Return the share of the part that `resource` (``lut``, ``ff``, …) takes, in per cent."""
        used, total = getattr(self.resources, resource), getattr(self.available, resource)
        return None if used is None or not total else 100.0 * used / total

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON content, with latency in ns and per cents added."""
        return {
            "schema": SCHEMA_VERSION,
            **asdict(self),
            "latency_ns": self.latency_ns,
            "percent": {name: self.percent(name) for name in ("lut", "ff", "dsp", "bram", "uram")},
        }
