"""What the benchmarks share: tables as JSON, errors before work, another version in turn."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

# A toolkit whose command writes a file, and exits as it is told.
OTHER = """
import sys
from pathlib import Path

def main():
    with Path(sys.argv[1]).open("a") as file:
        file.write("VERSION ")
    print("no answer to what is measured")
    print("error: as told", file=sys.stderr)
    sys.exit(int(sys.argv[2]))
"""


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)


def test_tables_of_markdown_have_numbers_as_numbers():
    import bench

    text = "\n**some: 1 jet**\n\n| a | b |\n| --- | --- |\n| `x` | 1,024 |\n| – | 2.50 |\n"
    text += "\n| c |\n|---|\n| 3% |\n"
    assert bench.tables(text) == [
        {"title": "some: 1 jet", "columns": ["a", "b"], "rows": [["`x`", 1024], ["–", 2.5]]},
        {"title": "some: 1 jet", "columns": ["c"], "rows": [["3%"]]},
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.root"], "error: JETS: there is no file none.root"),
        (["--before", "no-such-commit"], "error: BEFORE: no-such-commit is no commit"),
    ],
)
def test_what_would_fail_late_is_said_at_once(arguments, message):
    command = [sys.executable, BENCHMARKS / "bench.py", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(message)
    assert not done.stdout


def test_versions_run_a_command_in_turn(tmp_path, capsys):
    from versions import Toolkit, in_turn

    for name in ("one", "two"):
        (tmp_path / name / "aefpga").mkdir(parents=True)
        (tmp_path / name / "aefpga" / "__init__.py").touch()
        (tmp_path / name / "aefpga" / "cli.py").write_text(OTHER.replace("VERSION", name))
    log = tmp_path / "log"
    with Toolkit(tmp_path / "one") as one, Toolkit(tmp_path / "two") as two:
        both = {v: (toolkit, [str(log), "0"]) for v, toolkit in (("1", one), ("2", two))}
        costs = in_turn(both, 2)
        assert log.read_text().split() == ["one", "two"] * 3
        assert all(0 <= c.cpu <= c.seconds + 0.1 for c in costs.values())
        both["2"] = (two, [str(log), "1"])
        assert in_turn(both, 1)["2"] is None
        assert "as told" in capsys.readouterr().err
        assert two.run([str(log), "0"]), "the next command is run all the same"


def test_a_whole_command_has_a_peak_memory_and_a_reason_to_fail(tmp_path):
    from versions import command

    (tmp_path / "aefpga").mkdir()
    code = (
        "import sys; _ = bytearray(b'x' * int(sys.argv[1])); sys.exit('why' if sys.argv[2:] else 0)"
    )
    (tmp_path / "aefpga" / "__main__.py").write_text(code)
    (tmp_path / "aefpga" / "__init__.py").touch()
    little, much = (command([str(n)], tmp_path).gigabytes for n in (1, 100_000_000))
    assert little + 0.09 < much < little + 0.3
    with pytest.raises(RuntimeError, match="why"):
        command(["1", "fail"], tmp_path)


def test_the_source_of_a_commit_is_there_as_long_as_it_is_used():
    from versions import NOW, sources

    if subprocess.run(["git", "-C", BENCHMARKS, "cat-file", "-e", "HEAD"]).returncode:
        pytest.skip("no git clone")
    with sources("HEAD") as found:
        assert list(found) == [NOW, "HEAD"]
        assert (found["HEAD"] / "aefpga" / "cli" / "__init__.py").exists()
        assert found["HEAD"] != found[NOW]
    assert not found["HEAD"].exists()
