"""The container of compressed jets against others that hold the same coded chunks.

Compresses the embedded sample (or the ROOT files given) with the latest run in ``runs/``; stores
the same members in a ROOT tree (uproot) and in Parquet (pyarrow, where it is installed).

Usage: ``python benchmarks/container.py [FILE.root...]``.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import awkward as ak
import uproot
from timing import median_seconds

from aefpga.codec.bounds import Profile
from aefpga.codec.container import Reader
from aefpga.data.sample import sample_path
from aefpga.progress import silent
from aefpga.runs import open_run
from aefpga.workflow.compress import Settings, compress


def read_ours(path: Path) -> dict[str, bytes]:
    """Return all members, checked."""
    reader = Reader(path)
    return {name: reader.member(name) for name in reader.sizes()}


def write_tree(path: Path, members: dict[str, bytes]) -> None:
    """Store members as jagged bytes, an entry each, as they are."""
    with uproot.recreate(path, compression=None) as file:
        file.mktree("members", {"content": "var * uint8"})
        file["members"].extend({"content": ak.Array([list(m) for m in members.values()])})


def read_tree(path: Path) -> object:
    """Return all members."""
    with uproot.open(path) as file:
        return file["members"]["content"].array()


def main() -> None:
    """Print a row for each container."""
    inputs = sys.argv[1:] or [str(sample_path())]
    with tempfile.TemporaryDirectory() as folder:
        ours, tree, table = (Path(folder) / n for n in ("j.aejets", "j.root", "j.parquet"))
        run = open_run(None, Path("runs"))
        settings = Settings(profile=Profile.relative(0.01))
        compress(run, inputs, ours, settings, step=silent)
        members = read_ours(ours)
        content = sum(map(len, members.values()))
        write_tree(tree, members)
        readers: dict[str, tuple[Path, Callable[[Path], object]]] = {
            "ZIP (ours)": (ours, read_ours),
            "ROOT tree, uproot": (tree, read_tree),
        }
        try:
            import pyarrow
            import pyarrow.parquet as parquet
        except ImportError:
            pass
        else:
            columns = {"name": list(members), "content": list(members.values())}
            parquet.write_table(pyarrow.table(columns), table, compression="none")
            readers["Parquet, pyarrow"] = (table, parquet.read_table)
        print("| container | bytes beside the content | read all, ms | times ours |")
        print("| --- | --- | --- | --- |")
        first = None
        for name, (path, read) in readers.items():
            seconds = median_seconds(lambda read=read, path=path: read(path))
            first = first or seconds
            extra = path.stat().st_size - content
            print(f"| {name} | {extra:,} | {1e3 * seconds:.2f} | {seconds / first:.1f} |")


if __name__ == "__main__":
    main()
