"""A page as one HTML file that loads nothing.

Text from files is escaped by the template. Besides, the page's policy lets the browser run one
script and one style, those whose digests it names, and load nothing at all.
"""

import hashlib
import re
from base64 import b64encode
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from aefpga import __version__
from aefpga.files import atomic_path
from aefpga.report.blocks import Page


def write_page(page: Page, target: Path) -> None:
    """Write a page, complete or not at all."""
    content = render(page)
    with atomic_path(target) as temporary:
        temporary.write_text(content, encoding="utf-8")


def render(page: Page) -> str:
    """Return a page as HTML."""
    style, script = _part("page.css"), _part("figures.js")
    environment = Environment(
        loader=PackageLoader("aefpga.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = _prose
    return environment.get_template("page.html").render(
        page=page,
        version=__version__,
        today=f"{datetime.now(UTC):%Y-%m-%d}",
        # Our own files, and no text of anybody's.
        style=Markup(style),
        script=Markup(script),
        style_digest=_digest(style),
        script_digest=_digest(script),
        drawings=[figure.to_dict() for figure in page.figures],
    )


def _prose(text: str) -> Markup:
    """Return text, escaped, with what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(Markup.escape(text))))


@cache
def _part(name: str) -> str:
    return files("aefpga.report").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
