"""The help: instant, and each verb teaches by an example that works."""

import re
import shlex
import subprocess
import sys

import pytest
import typer

from aefpga import configs
from aefpga.cli import app
from aefpga.config import ModelConfig
from aefpga.schema import JETS

ROOT = typer.main.get_command(app)


def verbs(group, path=()):
    """Yield every verb with its command."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from verbs(command, (*path, name))
        else:
            yield (*path, name), command


VERBS = dict(verbs(ROOT))


def test_help_imports_nothing_heavy():
    called = [[], *map(list, VERBS)]
    code = (
        "import sys\nfrom aefpga.cli import main\n"
        f"for verb in {called!r}:\n"
        "    sys.argv = ['aefpga', *verb, '--help']\n"
        "    try: main()\n    except SystemExit as ended: assert not ended.code, verb\n"
        "heavy = {'tensorflow', 'numpy', 'uproot', 'matplotlib', 'da4ml', 'aefpga.config'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Usage") == len(called)


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_an_example_whose_options_exist(verb):
    _, found, examples = VERBS[verb].help.partition("Example: ")
    assert found
    commands = re.findall(r"`aefpga ([^`]+)`", examples.replace("\n", " "))
    assert any(tuple(shlex.split(c)[: len(verb)]) == verb for c in commands)
    for words in map(shlex.split, commands):
        name = next(v for v in VERBS if tuple(words[: len(v)]) == v)
        # Parses, and raises where an option or a value is not what the verb takes.
        VERBS[name].make_context(name[-1], words[len(name) :])


def options(verb):
    return {p.opts[0]: p for p in VERBS[verb].params}


@pytest.mark.parametrize("verb", [("train",), ("run",)])
def test_the_help_names_models_sets_and_configurations(verb):
    taken = options(verb)
    schema = ModelConfig.model_json_schema()["properties"]["kind"]["enum"]
    assert all(kind in taken["--model"].help for kind in schema)
    assert all(name in taken["--variables"].help for name in JETS.sets)
    assert all(name in taken["--config"].help for name in configs.names())


def test_train_and_run_share_their_options():
    shared = {name: p.help for name, p in options(("train",)).items()}
    del shared["--resume"], shared["--json"]
    ran = {name: p.help for name, p in options(("run",)).items()}
    assert shared.items() <= ran.items()
