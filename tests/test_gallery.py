"""Every script of the gallery runs, without a warning, and draws figures that hold something."""

import re
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("plot_*.py"))
OPTIONAL = {"plot_dask.py": "distributed"}

pytestmark = pytest.mark.skipif(not SCRIPTS, reason="not run from a checkout")


@pytest.fixture
def pyplot(monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("Agg")
    monkeypatch.setattr(pyplot, "show", lambda *args, **kwargs: None)
    yield pyplot
    pyplot.close("all")


# joblib's cache warns when the disk was slow for a moment.
@pytest.mark.filterwarnings("ignore:Persisting input arguments took:UserWarning")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_script_runs(script, pyplot, monkeypatch, tmp_path):
    if script.name in OPTIONAL:
        pytest.importorskip(OPTIONAL[script.name])
    monkeypatch.chdir(tmp_path)
    # A script with a main guard starts processes, which import it. For the others not "__main__": a process that they
    # start would import pytest's main module in its place.
    guarded = 'if __name__ == "__main__":' in script.read_text(encoding="utf-8")
    runpy.run_path(str(script), run_name="__main__" if guarded else "gallery")
    figures = [pyplot.figure(number) for number in pyplot.get_fignums()]
    assert figures
    for figure in figures:
        figure.draw_without_rendering()
        assert figure.axes
        assert all(ax.has_data() for ax in figure.axes)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_script_is_written_for_the_gallery(script):
    text = script.read_text(encoding="utf-8")
    title, underline = text.splitlines()[1:3]
    assert set(underline) == {"="}
    assert len(underline) == len(title)
    for heading, rule in re.findall(r"^# %%\n# (.+)\n# (-+)$", text, flags=re.MULTILINE):
        assert len(rule) == len(heading)


def test_reading_order_holds_every_script():
    names = runpy.run_path(str(EXAMPLES.parent / "doc" / "gallery_order.py"))["ORDER"]
    assert sorted(names) == [script.name for script in SCRIPTS]
