"""Pages of the site that are not files of `docs/`: those of other folders, and the API reference.

Run by mkdocs (`make docs`). Links between pages are written as they hold in the repository, so
that they work there, too; here they become links within the site, and one that leads nowhere ends
the build.
"""

import os
import re
from pathlib import Path

import mkdocs_gen_files

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "aefpga"
# Where a file of the repository is on the site.
PLACES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/README.md": "benchmarks.md",
    **{
        f"notebooks/{path.name}": f"notebooks/{path.name}"
        for path in ROOT.glob("notebooks/*.ipynb")
    },
}
LINK = re.compile(r"(?<=\]\()(?!https?:|#)([^)#\s]+)")


def place(source: str) -> str:
    """Return where the file `source` of the repository is on the site."""
    return PLACES.get(source, source.removeprefix("docs/"))


def relinked(text: str, source: str) -> str:
    """Return Markdown with the links of the repository's file `source` made links of the site."""
    here = Path(place(source)).parent

    def link(match: re.Match[str]) -> str:
        target = (ROOT / source).parent / match[1]
        if not target.exists():
            raise FileNotFoundError(f"{source} links to {match[1]}, which is not there")
        inside = place(str(target.resolve().relative_to(ROOT)))
        return os.path.relpath(inside, here)

    return LINK.sub(link, text)


for source, target in PLACES.items():
    with mkdocs_gen_files.open(target, "w") as page:
        text = (ROOT / source).read_text()
        page.write(relinked(text, source) if source.endswith(".md") else text)

for path in (ROOT / "docs").glob("*.md"):
    text = path.read_text()
    if (changed := relinked(text, f"docs/{path.name}")) != text:
        with mkdocs_gen_files.open(path.name, "w") as page:
            page.write(changed)

contents = mkdocs_gen_files.Nav()
for path in sorted(PACKAGE.rglob("*.py")):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    # What lies in no package goes along with a project of firmware.
    if parts[-1] == "__main__" or not (path.parent / "__init__.py").exists():
        continue
    name = parts[:-1] if parts[-1] == "__init__" else parts
    page_path = Path(*parts).with_suffix(".md") if name == parts else Path(*name, "index.md")
    contents[name] = str(page_path)
    with mkdocs_gen_files.open(Path("reference", page_path), "w") as page:
        page.write(f"# `{'.'.join(name)}`\n\n::: {'.'.join(name)}\n")
with mkdocs_gen_files.open("reference/SUMMARY.md", "w") as page:
    page.writelines(contents.build_literate_nav())
