"""Every verb on real files, as a user types them; prints the table of docs/real_files.md.

Usage: python benchmarks/real_files.py FILE.root [FILE.root ...]

Each file is used as it is; the jets of NanoAOD version 15 are also written as an RNTuple. Encoders
are trained for few epochs on few jets: what is shown is that all works, not how good it gets.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import uproot

EPOCHS = "20"


def aefpga(folder: Path, *arguments: str) -> tuple[int, Any]:
    """Run a verb; return its exit code and, where it is asked for, the JSON that it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "aefpga", *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        print(f"aefpga {' '.join(arguments)}: {done.stderr[-400:]}", file=sys.stderr)
    return done.returncode, json.loads(done.stdout) if "--json" in arguments and done.stdout else {}


def as_rntuple(source: Path, target: Path) -> None:
    """Write the jets of a NanoAOD file as an RNTuple."""
    tree = uproot.open(source)["Events"]
    names = [n for n in tree.keys() if n.startswith("Jet_") or n in ("run", "event")]  # noqa: SIM118
    with uproot.recreate(target) as file:
        file.mkrntuple("Events", {name: tree[name].array() for name in names})


def row(path: Path) -> list[str]:
    """Return the cells of a file."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        code, seen = aefpga(folder, "data", "inspect", str(path), "--json")
        variables = "24" if seen.get("sets", {}).get("24", {}).get("can_be_read") else "4"
        options = ["--input", str(path), "--variables", variables, "--epochs", EPOCHS]
        trained, _ = aefpga(folder, "train", *options, "--json")
        compared, words = aefpga(folder, "csim", "--json")
        made, report = aefpga(folder, "synthesize", "--part", "xcvu9p", "--json")
        judged, quality = aefpga(folder, "evaluate", "--json")
        scalar = ["--scalar", "--max-error", "1%", "--variables", variables, "--json"]
        packed, facts = aefpga(folder, "compress", str(path), "-o", "j.aejets", *scalar)
        checked, _ = aefpga(folder, "info", "j.aejets", "--verify", "--json")
        back, _ = aefpga(folder, "decompress", "j.aejets", "-o", "back.root")
    codes = [code, trained, compared, made, judged, packed, checked, back]
    equal = [(a["equal"], a["words"]) for a in words.get("agreements", [])]
    scheme = quality.get("schemes", {}).get("quantized model", {"variables": []})
    pt = next((v["residual"]["half_width_68"] for v in scheme["variables"]), None)
    return [
        path.name,
        f"{seen.get('records', 0):,}",
        variables,
        f"{sum(e for e, _ in equal):,} of {sum(w for _, w in equal):,}",
        f"{report.get('resources', {}).get('lut', 0):,}",
        "–" if pt is None else f"{pt:.1%}",
        f"{sum(facts.get('bits_per_record', {}).values()):.0f}",
        "all 0" if not any(codes) else " ".join(map(str, codes)),
    ]


def main() -> None:
    """Print a row for each file."""
    head = ["file", "jets", "variables", "words equal, 6 pairs", "LUT", "pt", "bits per jet"]
    print("|", " | ".join([*head, "exit codes"]), "|")
    print("|", " | ".join(["---"] * (len(head) + 1)), "|")
    with tempfile.TemporaryDirectory() as made:
        paths = []
        for path in map(Path, sys.argv[1:]):
            paths.append(path.resolve())
            if "nano_tt" in path.name:
                paths.append(Path(made) / f"{path.stem}_rntuple.root")
                as_rntuple(path, paths[-1])
        for path in paths:
            print("|", " | ".join(row(path)), "|", flush=True)


if __name__ == "__main__":
    main()
