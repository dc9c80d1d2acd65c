"""From a layout in numbers to the plan."""

from __future__ import annotations

from layoutplan.address import AddressRange
from layoutplan.model.plan import Objective, Placement, Plan
from layoutplan.protection.overlay import denied_by
from layoutplan.solve.background import background_regions
from layoutplan.solve.joint import Layout
from layoutplan.solve.problem import Problem
from layoutplan.solve.registers import assemble
from layoutplan.solve.software import software_bounds


def plan_of(problem: Problem, layout: Layout, bound: int) -> Plan:
    """The complete plan. ``bound`` is a proved lower bound on the layout's value."""
    system, unit = problem.system, problem.unit
    placements = tuple(
        Placement(
            block=item.block,
            memory=problem.spaces[layout.homes[item.index]].name,
            granted=layout.ranges[item.index],
            cover=(cover := _cover(problem, item.index, layout)),
            denied=denied_by(unit, cover),
        )
        for item in problem.items
    )
    slots, registers = assemble(system, unit, problem.partitions, placements, problem.peripherals)
    return Plan(
        unit=system.unit,
        isolation=system.isolation,
        placements=placements,
        peripherals=problem.peripherals,
        slots=slots,
        registers=registers,
        objective=Objective(
            weights=problem.named_weights,
            value=layout.value / problem.scale,
            bound=min(bound, layout.value) / problem.scale,
            optimal=layout.value <= bound,
        ),
        software=software_bounds(system, placements),
        background=background_regions(system, placements),
    )


def _cover(problem: Problem, index: int, layout: Layout) -> tuple[AddressRange, ...]:
    """The regions that match the granted range; none at all without a protection unit."""
    cover = problem.unit.cover(layout.ranges[index], problem.items[index].wholes)
    assert cover is not None
    return cover
