"""``init``: a first manifest for a chip and some objects, with a comment at everything that only a person can know."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterable
from itertools import count
from pathlib import Path

from layoutplan.errors import BadInput, Fault

_HEAD = """\
manifest-version = 1
isolation = "mpu"                   # "none" (default): all components are verified, and isolation costs nothing

[target]
chip = "{chip}"

[kernel]
stack = "2K"                        # the privileged stack, at the very bottom of RAM
"""

_COMPONENT = """
[component.{name}]
objects = [{objects}]
entry = {entry}{guess}
stack = "1K"                        # what the code itself needs; measure it. The exception frame is added
trust = "untrusted"                 # "verified" once it is
# peripherals = ["…"]               # names of [peripheral.…] tables, each granted to one partition
"""


def first_manifest(chip: str, objects: Iterable[Path], folder: Path) -> str:
    """A commented manifest for ``folder``: one component per object, named after its file.

    Raises ``BadInput`` for a chip that the catalogue does not have, and for files that are not objects or archives.
    """
    from layoutplan.inputs import chips

    known = {entry.name: entry for entry in chips()}
    if chip not in known:
        raise BadInput([_unknown_chip(chip, known)])
    faults: list[Fault] = []
    tables: dict[str, str] = {}
    for path in objects:
        try:
            name = _name(path, tables)
            tables[name] = _component(name, path, folder)
        except BadInput as error:
            faults.extend(error.faults)
        except OSError as error:
            message = f"cannot read the object: {error.strerror or error}"
            faults.append(Fault(code="no-file", message=message, where=str(path), hint="build it first"))
    if faults:
        raise BadInput(faults)
    return _HEAD.format(chip=chip) + "".join(tables.values())


def _unknown_chip(chip: str, known: Iterable[str]) -> Fault:
    from difflib import get_close_matches

    near = get_close_matches(chip.lower(), list(known), n=1)
    hint = f"did you mean `{near[0]}`?" if near else "`layoutplan chips` lists the known ones"
    return Fault(code="unknown-chip", message=f"the catalogue has no chip `{chip}`", hint=hint)


def _name(path: Path, taken: Collection[str]) -> str:
    """The file's name as a component's: of allowed letters, not one of the tool's own, and not given yet."""
    from layoutplan.inputs import RESERVED

    name = re.sub(r"[^A-Za-z0-9_-]", "-", path.stem.removeprefix("lib"))[:50]
    name = name if name[:1].isalpha() and _constant(name).lower() not in RESERVED else f"c-{name}"
    told = {_constant(other) for other in taken}
    return next(one for number in count(2) for one in (name, f"{name}-{number}") if _constant(one) not in told)


def _constant(name: str) -> str:
    """What stands for it in the generated Rust, where two names must not meet."""
    return name.replace("-", "_").upper()


def _component(name: str, path: Path, folder: Path) -> str:
    entry, sure = _entry(path, name)
    return _COMPONENT.format(
        name=name,
        objects=_quoted(Path(os.path.relpath(path, folder)).as_posix()),
        entry=_quoted(entry),
        guess="" if sure else " " * max(1, 26 - len(entry)) + "# a guess: the symbol where its task starts",
    )


def _quoted(text: str) -> str:
    """``text`` as a TOML string, which has JSON's escapes."""
    return json.dumps(text, ensure_ascii=False)


def _entry(path: Path, name: str) -> tuple[str, bool]:
    """The likeliest entry symbol, and whether it is the only global that could be."""
    from layoutplan.objects import is_archive, read_archive, read_object

    data = path.read_bytes()
    members = (
        [(f"{path.name}({m.name})", m.data) for m in read_archive(data, path.name) if m.data is not None]
        if is_archive(data)
        else [(path.name, data)]
    )
    found = sorted({symbol for where, content in members for symbol in read_object(content, where).defined})
    mains = [symbol for symbol in found if "main" in symbol]
    candidates = mains or found
    return (candidates[0], len(candidates) == 1) if candidates else (f"{name}_main", False)
