"""Object files and archives on disk, as relocatable objects."""

from __future__ import annotations

import stat
from pathlib import Path

from layoutplan.errors import BadInput, Fault
from layoutplan.objects import RelocatableObject, is_archive, read_archive, read_object
from layoutplan.objects.bounded import MAX_FILE

RLIB_METADATA = "lib.rmeta"
"""The member that makes an archive a Rust library."""

_STRIP = "strip its debug information: no microcontroller holds such an object"


def read_file(path: Path) -> bytes:
    """The bytes of a regular file; ``BadInput`` where there is none, or one that is too large to be meant."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _fault(path, "no-file", "not a file", "name an object file or an archive")
        if status.st_size > MAX_FILE:
            raise _fault(path, "too-large", f"{status.st_size} bytes is more than {MAX_FILE}", _STRIP)
        return path.read_bytes()
    except OSError as error:
        raise _fault(path, "no-file", f"cannot read: {error.strerror or error}", "build it first") from None


def read_objects(path: Path) -> tuple[RelocatableObject, ...]:
    """The object, or every member of the archive, at ``path``. Rust libraries and nested archives are refused."""
    data = read_file(path)
    if not is_archive(data):
        return (read_object(data, path.name),)
    members = read_archive(data, path.name)
    if path.suffix == ".rlib" or any(member.name == RLIB_METADATA for member in members):
        hint = "build the component as a staticlib or an object; rlibs belong into [target] libraries"
        raise _fault(path, "rlib", "a Rust library, whose code is compiled again into what uses it", hint)
    faults: list[Fault] = []
    found: list[RelocatableObject] = []
    for member in members:
        name = f"{path.name}({member.name})"
        try:
            content = member.data if member.data is not None else read_file(path.parent / member.name)
            if is_archive(content):
                text = f"`{member.name}` is an archive inside an archive"
                raise _fault(path, "nested-archive", text, "take it out, and name it beside the other")
            found.append(read_object(content, name))
        except BadInput as error:
            faults += error.faults
    if faults:
        raise BadInput(faults)
    return tuple(found)


def _fault(path: Path, code: str, message: str, hint: str) -> BadInput:
    return BadInput([Fault(code=code, message=message, where=str(path), hint=hint)])
