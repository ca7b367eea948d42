"""Give the package a version, in every file that names it, and date its section of the changelog.

``python .ci/set_version.py 0.1.0`` makes a release of the tree, ``python .ci/set_version.py 0.2.0.dev0`` opens the next
one. The package's own number is ``skperturb.__version__``; the other files repeat it for readers who have only them.
"""

import argparse
import datetime
import re
from pathlib import Path

_VERSION = re.compile(r"\d+\.\d+\.\d+(\.dev\d+|rc\d+)?")
_HEADING = "## Unreleased"


def set_version(root: Path, version: str, today: str) -> list[str]:
    """Write the version into all files below `root`; return the names of those that changed.

    Parameters
    ----------
    root : Path
        The checkout.
    version : str
        Such as "0.1.0"; with ".dev0" behind it, the tree is between releases.
    today : str
        Date of a release, as year-month-day.

    Raises
    ------
    ValueError
        If the version is none, or a file has no place for it: nothing is written then.
    """
    if not _VERSION.fullmatch(version):
        raise ValueError(f"version is {version!r}; expected one such as '0.1.0' or '0.2.0.dev0'.")
    base, development, _ = version.partition(".dev")
    places = [
        ("skperturb/__init__.py", r'^__version__ = ".*"$', f'__version__ = "{version}"'),
        ("CITATION.cff", r"^version: .*$(\ndate-released: .*$)?", f"version: {version}"),
        ("recipe/recipe.yaml", r'^  version: ".*"$', f'  version: "{base}"'),
    ]
    if not development:
        places[1] = (*places[1][:2], f"version: {version}\ndate-released: {today}")
        places.append(("CHANGELOG.md", f"^{_HEADING}$", f"{_HEADING}\n\n## {version} ({today})"))
    texts = {name: _replaced(root / name, pattern, text) for name, pattern, text in places}
    changed = [name for name, text in texts.items() if text != (root / name).read_text(encoding="utf-8")]
    for name in changed:
        (root / name).write_text(texts[name], encoding="utf-8")
    return changed


def _replaced(path: Path, pattern: str, text: str) -> str:
    result, count = re.subn(pattern, lambda match: text, path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if count != 1:
        raise ValueError(f"{path.name} has {count} lines like {pattern!r}; expected one. Nothing was written.")
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("version", help="such as 0.1.0 for a release, 0.2.0.dev0 between releases")
    today = datetime.date.today().isoformat()
    changed = set_version(Path(__file__).resolve().parents[1], parser.parse_args().version, today)
    print("\n".join(changed) or "nothing to change")
