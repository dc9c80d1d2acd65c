"""What goes in: objects and archives of a component, and runtime libraries, looked at before a linker is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from layoutplan.errors import BadInput, Fault, LayoutplanError
from layoutplan.objects import RelocatableObject, is_archive, read_archive, read_object, refusals
from layoutplan.objects.relocatable import BITCODE

_RUST_METADATA = "lib.rmeta"
_CONSTRUCTOR_NAMES = (b".init_array", b".preinit_array", b".fini_array", b".ctors", b".dtors")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkInputs:
    """The component's plain objects, read; its archives; the libraries.

    ``may_construct``: an archive has a member with constructors, reached or not.
    """

    objects: tuple[Path, ...]
    archives: tuple[Path, ...]
    libraries: tuple[Path, ...]
    read: tuple[RelocatableObject, ...]
    may_construct: bool


def look_at(objects: Iterable[Path], libraries: Iterable[Path]) -> LinkInputs:
    """Read everything. ``BadInput`` with all that is refused: link-time optimisation, rlibs, constructors, damage."""
    faults: list[Fault] = []
    plain: list[Path] = []
    archives: list[Path] = []
    found: list[RelocatableObject] = []
    may_construct = False
    for path in objects:
        try:
            data = path.read_bytes()
            if is_archive(data):
                faults += _archive_faults(data, path, own=True)
                archives.append(path)
                may_construct |= any(name in data for name in _CONSTRUCTOR_NAMES)
            else:
                found.append(read_object(data, path.name))
                faults += refusals(found[-1])
                plain.append(path)
        except OSError as error:
            faults.append(_unreadable(path, error))
        except LayoutplanError as error:
            faults += error.faults
    for path in libraries:
        try:
            data = path.read_bytes()
            faults += _archive_faults(data, path, own=False)
            may_construct |= any(name in data for name in _CONSTRUCTOR_NAMES)
        except OSError as error:
            faults.append(_unreadable(path, error))
        except LayoutplanError as error:
            faults += error.faults
    if faults:
        raise BadInput(faults)
    return LinkInputs(
        objects=tuple(plain),
        archives=tuple(archives),
        libraries=tuple(libraries),
        read=tuple(found),
        may_construct=may_construct,
    )


def members(archive: Path) -> Iterator[RelocatableObject]:
    """The objects in an archive, thin or not."""
    for member in read_archive(archive.read_bytes(), archive.name):
        data = (archive.parent / member.name).read_bytes() if member.data is None else member.data
        yield read_object(data, f"{archive.name}({member.name})")


def _archive_faults(data: bytes, path: Path, *, own: bool) -> Iterator[Fault]:
    for member in read_archive(data, path.name):
        where = f"{path.name}({member.name})"
        if own and member.name == _RUST_METADATA:
            yield Fault(
                code="rlib",
                message="an rlib cannot be a component: its code is inlined into the crates that use it",
                where=path.name,
                hint="build the component with `--emit obj`, or as a staticlib, before and outside the image's crate",
            )
        if member.data is not None and member.data.startswith(BITCODE):
            yield Fault(
                code="bitcode",
                message="the archive holds LLVM bitcode instead of machine code",
                where=where,
                hint="build it without link-time optimisation (-C lto=no, -fno-lto, no -C linker-plugin-lto)",
            )


def _unreadable(path: Path, error: OSError) -> Fault:
    return Fault(code="no-file", message=f"cannot read: {error.strerror}", where=str(path), hint="build it first")
