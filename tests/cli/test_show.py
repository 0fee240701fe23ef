"""Progress in lines, and tables that can be read at any width."""

import time

import pytest

from aefpga.cli import show


def test_lines_say_where_a_task_starts_and_ends_and_little_between(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with show.progress() as step:
        for done in range(1, 101):
            now[0] = float(done)
            step("epochs", done, 100, f"loss {done}")
        step("epochs", 100, 100)
        step("files", 0, 2)
        step("files", 2, 2)
    printed = capsys.readouterr()
    assert not printed.out
    lines = printed.err.splitlines()
    assert lines[0] == "epochs: 1 of 100, loss 1"
    assert lines[1] == "epochs: 11 of 100, 10 s, loss 11"
    assert lines[-3:] == [
        "epochs: 100 of 100, 99 s, loss 100",
        "files: 0 of 2",
        "files: 2 of 2, 0 s",
    ]
    assert len(lines) == 10 + 1 + 2


def test_a_redirected_command_says_how_far_it_is(call, tmp_path):
    from aefpga.data.sample import sample_path

    said = call(
        "compress", "--scalar", "--max-error", "5%", "--json", sample_path(), "-o", "a.aejets"
    )
    assert said.stdout.startswith("{")
    assert said.stdout.rstrip().endswith("}")
    lines = said.stderr.splitlines()
    assert any(line.startswith("reading events: ") and "22,000 of 22,000" in line for line in lines)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_column_shrinks_to_nothing(capsys, monkeypatch, width):
    monkeypatch.setattr(show, "console", show.Console(width=width, markup=False))
    long = "a rather long answer in words, " * 6
    rows = [
        ("charged_hadron_energy", long, *["123,456,789"] * 6),
        ("[red]x:b:\x07", None, *"abcdef"),
    ]
    show.table(
        "title [b]", ("variable", "answer", *(f"figure {i}" for i in range(6))), rows, ("answer",)
    )
    printed = capsys.readouterr().out
    assert printed.count("123,456,789") == 6
    assert "[red]x:b:" in printed.replace("\n", "")
    assert "\\x07" in printed
    assert "title [b]" in printed
    assert "answer" in printed
    cells = [line.split("│")[1].strip() for line in printed.splitlines() if line.startswith("│")]
    assert "".join(cells).startswith("charged_hadron_energy")
