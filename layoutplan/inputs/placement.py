"""Which memory holds what when the manifest does not say: ``flash`` and ``ram``, else the only one that can."""

from __future__ import annotations

from collections.abc import Sequence

from layoutplan.inputs.faults import Faults, nearest
from layoutplan.model.access import Access, Kind
from layoutplan.model.memory import Target

NEEDS = {Kind.CODE: Access.RX, Kind.RODATA: Access.R, Kind.DATA: Access.RW, Kind.SHARED: Access.RW}
USUAL = {Kind.CODE: "flash", Kind.RODATA: "flash", Kind.DATA: "ram", Kind.SHARED: "ram"}


class Memories:
    """Answers where a kind of bytes goes. A fault is added where the manifest has to say and does not."""

    def __init__(self, target: Target, faults: Faults) -> None:
        self._by_name = {memory.name: memory for memory in target.memories}
        self._faults = faults

    def default(self, kind: Kind, at: Sequence[str | int]) -> str | None:
        """The usual memory for ``kind``, else the only one with that access."""
        usual = self._by_name.get(USUAL[kind])
        if usual is not None and NEEDS[kind] in usual.access:
            return usual.name
        able = [memory.name for memory in self._by_name.values() if NEEDS[kind] in memory.access]
        if kind in (Kind.CODE, Kind.RODATA):
            # Read-only bytes go to flash where there is one, though RAM could hold them too.
            able = [name for name in able if Access.WRITE not in self._by_name[name].access] or able
        if len(able) == 1:
            return able[0]
        found = ", ".join(f"`{name}`" for name in sorted(able)) or "none"
        text = f"no memory `{USUAL[kind]}` for {kind}, and not one but {len(able)} with access"
        self._faults.add("which-memory", at, f'{text} "{NEEDS[kind].letters}": {found}', "name the memory")
        return None

    def named(self, name: str, kind: Kind, at: Sequence[str | int]) -> str | None:
        """``name`` if there is such a memory and it can hold ``kind``."""
        memory = self._by_name.get(name)
        if memory is None:
            text = f"there is no memory `{name}`"
            self._faults.add("unknown-memory", at, text, nearest(name, self._by_name))
            return None
        if NEEDS[kind] not in memory.access:
            text = f'memory `{name}` has access "{memory.access.letters}", and {kind} needs "{NEEDS[kind].letters}"'
            able = [known for known, other in self._by_name.items() if NEEDS[kind] in other.access]
            hint = (
                f"name {' or '.join(f'`{known}`' for known in sorted(able))}" if able else "widen the memory's access"
            )
            self._faults.add("memory-access", at, text, hint)
            return None
        return name
