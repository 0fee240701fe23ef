"""Whoever imports TensorFlow first, the trainer finds the Keras that it needs, or says so."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("qkeras", reason="training needs the extra `train`")
pytest.importorskip("hls4ml", reason="the HLS project needs the extra `firmware`")

HLS_FIRST = """
import os, sys, tempfile
from pathlib import Path

before = dict(os.environ)
import aefpga
from aefpga.firmware.hls import HlsOptions, write_project
from aefpga.fixedpoint.example import random_spec
assert dict(os.environ) == before
with tempfile.TemporaryDirectory() as folder:
    write_project(random_spec((3, 2)), Path(folder) / "hls", HlsOptions())
assert "tensorflow" in sys.modules  # else this tests nothing
from aefpga.trainers.qkeras.backend import tensorflow
assert tensorflow().keras.layers.Layer.__module__.startswith("tf_keras")
"""
REFUSED = """
from aefpga.errors import ToolError
from aefpga.trainers.qkeras.backend import tensorflow
try:
    tensorflow()
except ToolError as error:
    print(error)
"""


def run(code, **environment):
    plain = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    made = subprocess.run(
        [sys.executable, "-c", code],
        env=plain | environment,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    return made.stdout


@pytest.mark.slow
def test_hls4ml_may_come_before_the_trainer():
    run(HLS_FIRST)


def test_another_keras_is_refused_with_a_reason():
    said = run(REFUSED, TF_USE_LEGACY_KERAS="0")
    assert "the environment says TF_USE_LEGACY_KERAS=0; unset it, or set it to 1" in said
