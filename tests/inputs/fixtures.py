"""One-fault manifests that carry what they expect.

``#| `` lines at the top are the whole message. A ``#! `` line is what its predecessor should have been: the file with
those put in is its twin, which must be read without a fault. Both keep every line where it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent / "manifests"
ENVIRON: Mapping[str, str] = {}


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def expected(name: str) -> str:
    lines = (FOLDER / f"{name}.toml").read_text(encoding="utf-8").splitlines()
    return "\n".join(line[3:] for line in lines if line.startswith("#| "))


def twin(text: str) -> str:
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("#!"):
            lines[-1] = line[3:]
            lines.append("")
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def with_expectation(text: str, message: str) -> str:
    """The fixture with its first lines rewritten; the message has its own lines in it, so it is found by repetition."""
    body = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#| "))
    return "".join(f"#| {line}\n" for line in message.splitlines()) + body
