"""Unix archives: GNU, thin and BSD names. No Python package reads thin ones rightly.

Sources: ar(5) of FreeBSD for the BSD names; the GNU binutils manual, ``ar``, for ``//`` and thin archives.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from layoutplan.objects.bounded import Bounded

MAGIC = b"!<arch>\n"
THIN = b"!<thin>\n"
_HEADER = 60
_BSD_LONG = b"#1/"
_TABLES = frozenset({"/", "/SYM64/", "__.SYMDEF", "__.SYMDEF SORTED", "__.SYMDEF_64", "__.SYMDEF_64 SORTED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member. ``data`` is ``None`` in a thin archive, where ``name`` is a path relative to the archive's folder."""

    name: str
    offset: int
    size: int
    data: bytes | None = field(repr=False)


def is_archive(data: bytes) -> bool:
    """Whether the file says that it is an archive, thin or not."""
    return data.startswith((MAGIC, THIN))


def read_archive(data: bytes, name: str) -> tuple[Member, ...]:
    """The members in file order, symbol and name tables left out. ``BadInput`` with one fault when it is broken."""
    file = Bounded(data, name)
    thin = data.startswith(THIN)
    if not thin and not data.startswith(MAGIC):
        raise file.fault("not-archive", "the file is not an archive", "make it with ar, or name the object itself")
    members: list[Member] = []
    long_names = (0, 0)
    position = len(MAGIC)
    while position < len(data):
        raw, size = _header(file, position)
        body = position + _HEADER
        if raw == b"//":
            file.slice(body, size, "the table of long names")
            long_names = (body, body + size)
        elif raw in (b"/", b"/SYM64/"):
            file.slice(body, size, "the symbol table")
        else:
            member = _member(file, raw, body, size, long_names, thin=thin)
            if member.name not in _TABLES:
                members.append(member)
            if thin:
                size = 0  # a thin archive holds headers only
        position = body + size + (size & 1)
    return tuple(members)


def _header(file: Bounded, position: int) -> tuple[bytes, int]:
    """The raw name, without its padding, and the size of the member whose header is at ``position``."""
    header = file.slice(position, _HEADER, "a member's header")
    if header[58:] != b"`\n":
        raise file.broken(f"no member's header at {position:#x}")
    digits = header[48:58].strip(b" ")
    if not digits.isdigit():
        raise file.broken(f"the member at {position:#x} has no size")
    return header[:16].rstrip(b" "), int(digits)


def _member(file: Bounded, raw: bytes, body: int, size: int, long_names: tuple[int, int], *, thin: bool) -> Member:
    what = f"the member at {body - _HEADER:#x}"
    start = body
    if raw.startswith(_BSD_LONG):
        length = raw[len(_BSD_LONG) :]
        if not length.isdigit() or int(length) > size:
            raise file.broken(f"{what} has a name of no length that fits")
        start += int(length)
        name = file.slice(body, int(length), what).rstrip(b"\0")
    elif raw.startswith(b"/"):
        if not raw[1:].isdigit():
            raise file.broken(f"{what} has no name")
        name = _long_name(file, int(raw[1:]), long_names, what)
    else:
        name = raw.removesuffix(b"/")  # GNU ends a short name with a slash, BSD with nothing
    content = None if thin else file.slice(start, body + size - start, what)
    return Member(name=name.decode("utf-8", "backslashreplace"), offset=start, size=body + size - start, data=content)


def _long_name(file: Bounded, offset: int, table: tuple[int, int], what: str) -> bytes:
    start, end = table
    if offset >= end - start:
        raise file.broken(f"{what}: its name at {offset} is past the table of long names of {end - start} bytes")
    stop = file.data.find(b"\n", start + offset, end)
    stop = end if stop < 0 else stop
    file.count_name(stop - start - offset, what)
    return file.data[start + offset : stop].removesuffix(b"/")
