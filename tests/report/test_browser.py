"""Pages in a real browser: every figure is drawn, answers the pointer, and nothing is loaded."""

import pytest
from tiny import copy_of, findings_of, keep, synthesized

from aefpga.fixedpoint import Score, Trigger
from aefpga.report.comparison import comparison
from aefpga.report.render import write_page
from aefpga.report.run_page import run_page
from aefpga.runs import set_trigger
from browser import find_chromium, open_browser

pytestmark = pytest.mark.skipif(
    find_chromium() is None,
    reason="no Chromium on PATH; install one, or name one in AEFPGA_CHROMIUM",
)
FIGURES = "[...document.querySelectorAll('figure')]"


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with open_browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(whole_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    findings = findings_of(whole_run)
    smaller = copy_of(whole_run, folder / "smaller")
    keep(smaller, synthesized(smaller, lut=900.0))
    write_page(run_page(findings), folder / "run.html")
    several = comparison({"tiny": findings, "smaller": findings_of(smaller)})
    write_page(several, folder / "comparison.html")
    triggered = copy_of(whole_run, folder / "triggered")
    trigger = Trigger(Score.exact("absolutes", triggered.spec.latent_type), 57)
    triggered = set_trigger(triggered, trigger)
    keep(triggered, synthesized(triggered))
    write_page(run_page(findings_of(triggered)), folder / "triggered.html")
    return folder


def drawn(tab):
    """Return by figure what was drawn: series, or a remark."""
    return dict(tab.evaluate(f"{FIGURES}.map(f => [f.dataset.figure, f.dataset.drawn])"))


def tip(tab, figure):
    return tab.evaluate(
        f"(t => t.hidden ? '' : t.innerText)(document.querySelector('#figure-{figure} .tip'))"
    )


def numbers(tab, figure):
    """Return what stands along a figure's axes."""
    return tab.evaluate(
        f"[...document.querySelectorAll('#figure-{figure} svg > text')].map(t => t.textContent)"
    )


def paths(tab, figure):
    return tab.evaluate(
        f"document.querySelectorAll('#figure-{figure} .drawing [data-series]').length"
    )


@pytest.mark.parametrize("page", ["run", "triggered", "comparison"])
@pytest.mark.parametrize(("width", "dark"), [(1200, False), (400, True)])
def test_every_figure_is_drawn(tab, pages, tmp_path, page, width, dark):
    tab.open(pages / f"{page}.html", width=width, dark=dark)
    found = drawn(tab)
    assert len(found) == (2 if page == "comparison" else 8)
    assert set(found.values()) == {"series"}
    assert tab.problems == []
    # Nothing makes the page wider than its window; wide tables scroll by themselves.
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(22, 24, 27)" if dark else "rgb(255, 255, 255)")
    tab.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 20_000


def test_a_choice_changes_all_figures_of_its_group(tab, pages):
    tab.open(pages / "run.html")
    assert "pT [GeV]" in numbers(tab, "values")
    tab.evaluate(
        "(s => { s.value = 'mass'; s.dispatchEvent(new Event('change')); })"
        "(document.querySelector('select[data-group=variables]'))"
    )
    assert "m [GeV]" in numbers(tab, "values")
    assert "Δm / m" in numbers(tab, "residuals")
    chosen = dict(tab.evaluate(f"{FIGURES}.map(f => [f.dataset.figure, f.dataset.chosen])"))
    assert {chosen[f] for f in ("values", "ratio", "residuals", "by-pt", "by-eta")} == {"mass"}
    # A row of the table is the same choice.
    tab.click("tr[data-choice=eta] th")
    assert "η" in numbers(tab, "values")
    assert tab.evaluate("document.querySelector('select[data-group=variables]').value") == "eta"
    assert tab.evaluate("document.querySelector('tr.chosen').dataset.choice") == "eta"
    assert tab.problems == []


def test_every_variable_can_be_drawn(tab, pages, whole_run):
    tab.open(pages / "run.html")
    for name in whole_run.schema.names:
        tab.evaluate(
            f"(s => {{ s.value = '{name}'; s.dispatchEvent(new Event('change')); }})"
            "(document.querySelector('select[data-group=variables]'))"
        )
        assert set(drawn(tab).values()) <= {"series", "remark"}
        assert drawn(tab)["values"] == "series" or "multiplicity" in name or "energy" in name
    assert "NaN" not in tab.evaluate("document.body.innerHTML")
    assert tab.problems == []


def test_the_pointer_reads_values(tab, pages, whole_run):
    tab.open(pages / "run.html")
    assert tip(tab, "values") == ""
    tab.mouse("mouseMoved", *tab.place("#figure-values svg[role]", 0.3, 0.5))
    shown = tip(tab, "values")
    assert "original" in shown
    assert "quantized model" in shown
    assert " to " in shown
    (panel,) = (f.panels["pt"] for f in run_page(findings_of(whole_run)).figures
                if f.key == "values")  # fmt: skip
    counts = {f"{n:,}" for n in panel.series[0].y}
    assert shown.split("original")[1].split()[0] in counts
    # Points say what they are, with their uncertainty.
    tab.mouse("mouseMoved", *tab.place("#figure-by-pt svg[role] path[transform]"))
    assert "±" in tip(tab, "by-pt")
    assert "jets" in tip(tab, "by-pt")
    tab.mouse("mouseMoved", 1, 1)
    assert tip(tab, "by-pt") == ""


def test_a_drag_zooms_and_all_is_shown_again(tab, pages):
    tab.open(pages / "run.html")
    before, svg = numbers(tab, "residuals"), "#figure-residuals svg[role]"
    start, end = tab.place(svg, 0.4, 0.3), tab.place(svg, 0.6, 0.6)
    tab.drag(start, end)
    zoomed = "document.querySelector('#figure-residuals').dataset.zoomed"
    assert tab.evaluate(zoomed) == "true"
    assert numbers(tab, "residuals") != before
    tab.click("#figure-residuals .tools button:last-child")
    assert tab.evaluate(zoomed) == ""
    assert numbers(tab, "residuals") == before
    # The same by keys and buttons.
    tab.evaluate(f"document.querySelector('{svg}').focus()")
    tab.key("+")
    assert tab.evaluate(zoomed) == "true"
    tab.key("Escape")
    assert numbers(tab, "residuals") == before
    tab.click("#figure-residuals .tools button:first-child")
    assert tab.evaluate("document.querySelector('#figure-residuals .tools').innerText").startswith(
        "logarithmic"
    )
    assert numbers(tab, "residuals") != before
    assert tab.problems == []


def test_the_legend_hides_and_shows(tab, pages):
    tab.open(pages / "run.html")
    before = paths(tab, "residuals")
    tab.click("#figure-residuals .legend button")
    assert paths(tab, "residuals") == before - 1
    tab.click("#figure-residuals .legend button")
    assert paths(tab, "residuals") == before


def test_figures_follow_the_window(tab, pages):
    tab.open(pages / "run.html", width=1200)
    box = "document.querySelector('#figure-values svg[role]').getAttribute('viewBox')"
    wide = tab.evaluate(box)
    tab.resize(380, 800)
    tab.wait(f"{box} !== '{wide}'")
    assert tab.evaluate("document.documentElement.scrollWidth") == 380
    assert set(drawn(tab).values()) == {"series"}


def test_tables_need_no_script(tab, pages):
    tab.open(pages / "run.html", script=False)
    shown = tab.evaluate("document.body.innerText")
    assert "1,234" in shown
    assert "charged hadron energy" in shown
    assert "needs JavaScript" in shown
    assert tab.evaluate("document.querySelectorAll('.drawing svg').length") == 0


def test_on_paper_all_is_open(tab, pages, tmp_path):
    tab.open(pages / "run.html", dark=True)
    tab.print(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    assert tab.evaluate("[...document.querySelectorAll('details')].every(d => d.open)")
    assert tab.problems == []


def test_text_from_files_runs_nothing(tab, hostile_run, tmp_path):
    write_page(run_page(findings_of(hostile_run)), tmp_path / "hostile.html")
    tab.open(tmp_path / "hostile.html")
    assert "window.boom" in tab.evaluate("document.body.innerText")
    assert tab.evaluate("window.boom") is None
    assert tab.evaluate("document.querySelectorAll('img').length") == 0
    assert tab.problems == []
    # The policy would stop what the escaping let through.
    tab.evaluate("document.body.append(Object.assign(document.createElement('script'),"
                 "{text: 'window.boom = 2'}))")  # fmt: skip
    assert tab.evaluate("window.boom") is None
    assert any("Content Security Policy" in problem for problem in tab.problems)
