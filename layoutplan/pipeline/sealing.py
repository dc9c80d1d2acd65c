"""``seal``: one sealed relocatable object per component that takes part in the link."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from layoutplan.errors import BadInput, Fault, LayoutplanError


def seal_all(manifest: Path, out: Path, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Seal every component with ``entry`` or ``exports`` into ``out`` and return the objects' paths.

    Raises ``BadInput`` with what every component's sealing refused; what could be sealed is left in ``out``.
    """
    from layoutplan import inputs
    from layoutplan.pipeline.sources import all_components, seal_component

    system = inputs.read_manifest(manifest, environ).system
    out.mkdir(parents=True, exist_ok=True)
    sealed: list[Path] = []
    faults: list[Fault] = []
    for component in all_components(system):
        if not component.linked:
            continue
        try:
            sealed.append(seal_component(system, component, out))
        except LayoutplanError as error:
            faults.extend(error.faults)
    if faults:
        raise BadInput(faults)
    return tuple(sealed)
