"""The FPGA parts: their resources, and where those figures come from."""

import difflib
import re
from dataclasses import dataclass, replace

from aefpga.errors import UsageError
from aefpga.firmware.report import Resources

DS890 = "AMD DS890, UltraScale Architecture and Product Data Sheet: Overview"
DS891 = "AMD DS891, Zynq UltraScale+ MPSoC Data Sheet: Overview"
DS180 = "AMD DS180, 7 Series FPGAs Data Sheet: Overview"
DS190 = "AMD DS190, Zynq-7000 SoC Data Sheet: Overview"
DS962 = "AMD DS962, Alveo U200 and U250 Data Sheet"
DS963 = "AMD DS963, Alveo U280 Data Sheet"
DS978 = "AMD DS978, Alveo U55C Data Sheet"
DS987 = "AMD DS987, Kria K26 SOM Data Sheet"
LATTICE = "Lattice FPGA-DS-02012, ECP5 and ECP5-5G Family Data Sheet"
GOWIN = "Gowin DS102, GW2A Series of FPGA Products Data Sheet"
OPEN_FAMILIES = ("ecp5", "gowin")


@dataclass(frozen=True)
class Part:
    """An FPGA part.

    Parameters
    ----------
    device : str
        Short name.
    name : str
        Full name as Vivado spells it: device, package, speed grade. The 7 series has no hyphen
        between device and package.
    family : str
        As Yosys spells it: ``xc7`` (7 series), ``xcu`` (UltraScale), ``xcup`` (UltraScale+),
        ``ecp5`` or ``gowin``.
    lut, ff, dsp, bram, uram : int
        Totals; `bram` in RAMB18 or other blocks of 18 kbit. Look-up tables of AMD's have six
        inputs, those of the others four.
    source : str
        Where the totals come from.
    """

    device: str
    name: str
    family: str
    lut: int
    ff: int
    dsp: int
    bram: int
    uram: int
    source: str

    @property
    def is_open(self) -> bool:
        """Whether open tools place and route it, and none of AMD's knows it."""
        return self.family in OPEN_FAMILIES

    @property
    def available(self) -> Resources:
        """The totals as resources."""
        return Resources(self.lut, self.ff, self.dsp, self.bram, self.uram)


def _part(
    name: str, family: str, lut: int, ff: int, dsp: int, bram36: int, uram: int, source: str
) -> Part:
    return Part(_split(name)[0], name, family, lut, ff, dsp, 2 * bram36, uram, source)


def _split(name: str) -> tuple[str, str]:
    """Return device and the rest (package and speed grade, perhaps empty) of a lower-case name."""
    seven_series = re.fullmatch(r"(xc7[a-z]+\d+t?)-?([a-z]{2,3}\d+.*)?", name)
    if seven_series:
        return seven_series[1], seven_series[2] or ""
    device, _, rest = name.partition("-")
    return device, rest


_AMD = tuple(
    _part(*row)
    for row in (
        # full name, family, LUT, FF, DSP, RAMB36, URAM, source
        ("xcvu9p-flga2104-2L-e", "xcup", 1_182_240, 2_364_480, 6_840, 2_160, 960, DS890),
        ("xcvu13p-flga2577-2-e", "xcup", 1_728_000, 3_456_000, 12_288, 2_688, 1_280, DS890),
        ("xcvu7p-flva2104-2-e", "xcup", 788_160, 1_576_320, 4_560, 1_440, 640, DS890),
        ("xcvu5p-flva2104-2-e", "xcup", 600_577, 1_201_154, 3_474, 1_024, 470, DS890),
        ("xcku15p-ffva1760-2-e", "xcup", 522_720, 1_045_440, 1_968, 984, 128, DS890),
        ("xcku115-flvb2104-2-e", "xcu", 663_360, 1_326_720, 5_520, 2_160, 0, DS890),
        ("xcku060-ffva1517-2-e", "xcu", 331_680, 663_360, 2_760, 1_080, 0, DS890),
        ("xcku040-ffva1156-2-e", "xcu", 242_400, 484_800, 1_920, 600, 0, DS890),
        ("xcu250-figd2104-2L-e", "xcup", 1_728_000, 3_456_000, 12_288, 2_688, 1_280, DS962),
        ("xcu200-fsgd2104-2-e", "xcup", 1_182_240, 2_364_480, 6_840, 2_160, 960, DS962),
        ("xcu280-fsvh2892-2L-e", "xcup", 1_303_680, 2_607_360, 9_024, 2_016, 960, DS963),
        ("xcu55c-fsvh2892-2L-e", "xcup", 1_303_680, 2_607_360, 9_024, 2_016, 960, DS978),
        ("xczu9eg-ffvb1156-2-e", "xcup", 274_080, 548_160, 2_520, 912, 0, DS891),
        ("xczu7ev-ffvc1156-2-e", "xcup", 230_400, 460_800, 1_728, 312, 96, DS891),
        ("xck26-sfvc784-2LV-c", "xcup", 117_120, 234_240, 1_248, 144, 64, DS987),
        ("xc7vx690tffg1927-2", "xc7", 433_200, 866_400, 3_600, 1_470, 0, DS180),
        ("xc7k325tffg900-2", "xc7", 203_800, 407_600, 840, 445, 0, DS180),
        ("xc7z020clg400-1", "xc7", 53_200, 106_400, 220, 140, 0, DS190),
    )
)
# Orders name the device in part only.
_OTHERS = (
    Part("lfe5u-25f", "LFE5U-25F-8BG381C", "ecp5", 24_288, 24_288, 28, 56, 0, LATTICE),
    Part("lfe5um5g-85f", "LFE5UM5G-85F-8BG756C", "ecp5", 83_640, 83_640, 156, 208, 0, LATTICE),
    Part("gw2a-18", "GW2A-LV18PG256C8/I7", "gowin", 20_736, 15_552, 48, 46, 0, GOWIN),
)
PARTS = (*_AMD, *_OTHERS)

_BY_DEVICE = {p.device: p for p in PARTS}
_BY_NAME = {p.name.lower(): p for p in PARTS} | _BY_DEVICE


def device_of(name: str) -> str:
    """Return the short name of the part of a full name of AMD's, in the catalogue or not."""
    return _split(name.lower())[0]


def find_part(name: str) -> Part:
    """Return a part by its short or full name, in any case.

    A full name of AMD's with another package or speed grade than the catalogue's is taken as it is:
    the totals depend on the device alone.

    Raises
    ------
    UsageError
        If the device is not in the catalogue; the nearest ones are named.
    """
    name = name.strip()
    if name.lower() in _BY_NAME:
        return _BY_NAME[name.lower()]
    device, rest = _split(name.lower())
    if device not in _BY_DEVICE:
        near = difflib.get_close_matches(device, _BY_DEVICE, n=3, cutoff=0.5)
        hint = f"the nearest are {', '.join(near)}; " if near else ""
        raise UsageError(f"unknown part {name}; {hint}known are {', '.join(sorted(_BY_DEVICE))}")
    part = _BY_DEVICE[device]
    if rest in ("", _split(part.name.lower())[1]):
        return part
    # Vivado writes the L of a low-power speed grade (2L, 2LV) as a capital.
    rest = re.sub(r"-(\d)(lv?)(?=-|$)", lambda grade: f"-{grade[1]}{grade[2].upper()}", rest)
    return replace(part, name=f"{device}{'' if part.family == 'xc7' else '-'}{rest}")
