"""Reads everything that a plan depends on: manifest, objects (sealed where they are not yet), the lock."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from layoutplan import inputs, seal
from layoutplan.errors import BadInput, Fault, LayoutplanError
from layoutplan.model.component import Component, System
from layoutplan.model.lock import Lock

SEALED = "sealed"
"""Folder inside the output folder for the objects that ``solve`` sealed itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The measured system, and what it was made from.

    ``objects`` are the sealed objects to link by component, ``files`` all that were read or looked for. ``sealed``
    maps those of ``objects`` that had to be sealed first to their bytes; they are not written yet.
    """

    system: System
    lock: Lock | None
    objects: Mapping[str, Path]
    files: tuple[Path, ...]
    sealed: Mapping[Path, bytes]
    environ: Mapping[str, str]

    def contents(self) -> dict[str, bytes]:
        """The bytes of the sealed objects by component."""
        return {name: self.sealed.get(path) or path.read_bytes() for name, path in self.objects.items()}


def read_sources(
    manifest: Path, environ: Mapping[str, str], out: Path, *, lock: Path, measured: Path | None = None
) -> Sources:
    """Read and measure, writing nothing. Raises ``BadInput`` with every fault found, or what sealing refused."""
    read = inputs.read_manifest(manifest, environ)
    with tempfile.TemporaryDirectory(prefix="layoutplan-") as scratch:
        sized, sealed = _objects_to_size(read.system, Path(scratch))
        system = inputs.measure(read.system, sized)
        contents = {out / SEALED / path.name: path.read_bytes() for path in sealed}
    if measured is not None:
        system = inputs.measure_linked(system, measured)
    linked = [c.name for c in all_components(system) if c.linked]
    original = [path for component in all_components(system) for path in component.objects]
    files = [*read.files, *original, *(_safety_manifest(path) for path in original), *system.libraries]
    return Sources(
        system=system,
        lock=inputs.read_lock(lock),
        objects={name: out / SEALED / path.name if path in sealed else path for name in linked for path in sized[name]},
        files=tuple(files if measured is None else [*files, measured]),
        sealed=contents,
        environ=read.environ,
    )


def all_components(system: System) -> tuple[Component, ...]:
    """The components and, where there is one, the runtime."""
    return system.components if system.runtime is None else (*system.components, system.runtime)


def _safety_manifest(path: Path) -> Path:
    return path.with_suffix(".safety-manifest.json")


def _objects_to_size(system: System, folder: Path) -> tuple[dict[str, tuple[Path, ...]], set[Path]]:
    """Per component the objects to measure, and those that had to be sealed first."""
    sized: dict[str, tuple[Path, ...]] = {}
    sealed: set[Path] = set()
    faults: list[Fault] = []
    for component in all_components(system):
        if not component.objects:
            continue
        sized[component.name] = component.objects
        try:
            if component.linked and not _is_sealed(system, component):
                path = seal_component(system, component, folder)
                sized[component.name] = (path,)
                sealed.add(path)
        except LayoutplanError as error:
            faults.extend(error.faults)
    if faults:
        raise BadInput(faults)
    return sized, sealed


def _is_sealed(system: System, component: Component) -> bool:
    allowed = _symbols_of_others(system, component)
    return len(component.objects) == 1 and seal.is_sealed(component, component.objects[0], allowed)


def seal_component(system: System, component: Component, folder: Path) -> Path:
    """Seal one component into ``folder`` and return the object's path."""
    return seal.seal(
        component,
        component.objects,
        libraries=system.libraries,
        allowed_undefined=_symbols_of_others(system, component),
        machine=system.target.machine.value,
        out=folder / f"{component.name}.o",
    )


def _symbols_of_others(system: System, component: Component) -> frozenset[str]:
    """What a sealed component may leave open: its partition's exports, the runtime, its shares, its own heap."""
    neighbours = [c for c in system.components if c.partition == component.partition and c is not component]
    names = {name for neighbour in neighbours for name in neighbour.exports}
    if system.runtime is not None and component is not system.runtime:
        names.update(system.runtime.exports)
    for share in system.shares:
        if component.partition in share.access:
            stem = "__lp_shared_" + share.name.replace("-", "_")
            names.update({f"{stem}_start", f"{stem}_end"})
    if component.heap:
        stem = "__lp_" + component.name.replace("-", "_") + "_heap"
        names.update({f"{stem}_start", f"{stem}_end"})
    return frozenset(names)
