"""The results of README.md as reStructuredText, so that the figures are written down once."""

import re
from pathlib import Path

_LEVELS = {"### ": "-", "#### ": "~"}


def write_results(readme: Path, target: Path) -> None:
    """Write the section "Results" of the README for inclusion in the benchmarks page."""
    section = re.search(r"^## Results\n(.*?)(?=^## |\Z)", readme.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    if section is None:
        raise ValueError(f"{readme} has no section 'Results'; the benchmarks page is made from it.")
    blocks = re.split(r"\n{2,}", section[1].strip())
    text = "\n\n".join(_block(block) for block in blocks) + "\n"
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")


def _block(block: str) -> str:
    for prefix, rule in _LEVELS.items():
        if block.startswith(prefix):
            title = block.removeprefix(prefix)
            return f"{title}\n{rule * len(title)}"
    if block.startswith("```"):
        code = block.splitlines()[1:-1]
        return "\n".join([".. code-block:: bash", "", *(f"   {line}" for line in code)])
    if block.startswith("|"):
        return _table(block.splitlines())
    return _inline(block)


def _table(lines: list[str]) -> str:
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    del rows[1]  # the rule between head and body
    text = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        text += [f"   {'*' if k == 0 else ' '} - {_inline(cell)}" for k, cell in enumerate(row)]
    return "\n".join(text)


def _inline(text: str) -> str:
    """Turn code, links and bold numbers that touch other text into reStructuredText."""
    text = re.sub(r"`([^`]+)`", r"``\1``", text)
    text = re.sub(r"\*\*``([^`]+)``\*\*", r"``\1``", text)
    text = re.sub(r"\[([^\]]+)\]\((https?://[^)]+)\)", r"`\1 <\2>`_", text)
    return re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text)
