"""Runs the python blocks of a page in one namespace and compares what they print with what they state.

A block states its output in comments `# → output`, one for each printed line, anywhere in the block.
"""

import contextlib
import io
import re
from pathlib import Path
from types import SimpleNamespace

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-sparse-convolution-works.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STATED = re.compile(r"# → (.*)$", re.MULTILINE)


def run_page(text: str) -> SimpleNamespace:
    """Variables that the blocks of a page leave behind.

    Raises:
        AssertionError: a block prints something else than it states.
    """
    variables: dict[str, object] = {"__name__": "page"}
    for match in BLOCK.finditer(text):
        source = match.group(1)
        line = text[: match.start(1)].count("\n")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            # The empty lines give tracebacks the page's own line numbers.
            exec(compile("\n" * line + source, PAGE.name, "exec"), variables)
        stated = [output.strip() for output in STATED.findall(source)]
        actual = [output.strip() for output in printed.getvalue().splitlines()]
        if actual != stated:
            raise AssertionError(f"block at line {line}: prints {actual}, states {stated}")
    return SimpleNamespace(**variables)
