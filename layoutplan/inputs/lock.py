"""Reads ``layout.lock``: where the blocks of the last accepted plan were."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Struct

from layoutplan.address import ADDRESS_SPACE_END, AddressRange
from layoutplan.errors import BadInput, Fault
from layoutplan.inputs.faults import Faults
from layoutplan.inputs.jsonschema import Limit, schema_of
from layoutplan.inputs.location import Locations
from layoutplan.inputs.schema import Address
from layoutplan.inputs.shape import check_shape, parse_toml
from layoutplan.model.lock import Lock, LockedBlock

Bytes = Annotated[int, Limit(least=1, most=ADDRESS_SPACE_END, words="a number of bytes above zero")]


class LockedTable(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``[block.NAME]``. ``cover`` has the base and size of each region, ascending."""

    memory: str
    base: Address
    size: Bytes
    cover: list[Annotated[list[Annotated[int, Limit(least=0, most=ADDRESS_SPACE_END)]], Limit(items=2)]]


class LockTable(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The whole of ``layout.lock``."""

    version: Literal[1]
    block: dict[str, LockedTable] = msgspec.field(default_factory=dict)


_RESTORE = "restore the committed lock, or delete it"


@cache
def _schema() -> dict[str, Any]:
    return schema_of(LockTable, "layout.lock")


def read_lock(path: Path) -> Lock | None:
    """The lock, ``None`` where there is none yet. ``BadInput`` tells everything that is wrong with one."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        hint = "make it a readable file, or delete it"
        raise BadInput([Fault(code="no-file", message=f"cannot read: {error}", where=str(path), hint=hint)]) from None
    return read_lock_bytes(data, path.name)


def read_lock_bytes(data: bytes, name: str) -> Lock:
    """As ``read_lock``, from the bytes of the file called ``name``."""
    tables = parse_toml(data, name, hint=_RESTORE)
    faults = Faults(Locations(name, data.decode("utf-8-sig")))
    if tables.get("version", 1) != 1:
        text = f"the lock has version {str(tables['version'])[:20]}, and this layoutplan reads version 1"
        faults.add("lock-version", ["version"], text, "use the layoutplan that wrote it, or delete the lock")
        faults.raise_any()
    check_shape(tables, _schema(), faults, hint=_RESTORE)
    faults.raise_any()
    try:
        table = msgspec.convert(tables, LockTable)
    except msgspec.ValidationError as error:
        raise BadInput([Fault(code="bad-value", message=str(error), where=name, hint=_RESTORE)]) from None
    blocks = {block: _block(block, row, faults) for block, row in table.block.items()}
    faults.raise_any()
    return Lock(blocks={block: locked for block, locked in sorted(blocks.items()) if locked is not None})


def _block(name: str, row: LockedTable, faults: Faults) -> LockedBlock | None:
    """``None`` with a fault when the cover's regions do not add up to the block's range."""
    granted = AddressRange.of(row.base, row.size)
    position = row.base
    for base, size in row.cover:
        if base != position or size == 0:
            break
        position += size
    if position != granted.end and row.cover:
        text = f"the cover of `{name}` does not add up to {granted}"
        faults.add("bad-lock", ["block", name, "cover"], text, _RESTORE)
        return None
    cover = tuple(AddressRange.of(base, size) for base, size in row.cover)
    return LockedBlock(memory=row.memory, granted=granted, cover=cover)
