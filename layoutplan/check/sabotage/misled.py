"""Good images in which a component's code is in its place, and names what is not its own or not what it asked for."""

from __future__ import annotations

from collections.abc import Callable

from layoutplan.check.elf.image import EM_ARM
from layoutplan.check.sabotage.images import ImageSabotage
from layoutplan.check.sabotage.plans import ARM, PMP
from layoutplan.check.sabotage.reference_objects import COUNTER, TAIL, tail
from layoutplan.check.sabotage.writer import Image
from layoutplan.model.access import UnitName

_RULE = "traced"


def _others_variable(image: Image) -> None:
    """Every field, consistently, names the same variable of another component."""
    text = image.piece(".lp.mixer.text")
    counter = image.piece(".lp.uart.bss").address + COUNTER
    unit = UnitName.ARMV7M if image.machine == EM_ARM else UnitName.PMP
    start = len(text.data) - TAIL
    text.data = text.data[:start] + tail(unit, text.address + start, counter, counter)


def _bit(component: str, offset: int, mask: int) -> Callable[[Image], None]:
    """One bit of one field at the end of the component's code."""

    def breaks(image: Image) -> None:
        text = image.piece(f".lp.{component}.text")
        at = len(text.data) - TAIL + offset
        text.data = text.data[:at] + bytes([text.data[at] ^ mask]) + text.data[at + 1 :]

    return breaks


def _past_the_entry(image: Image) -> None:
    """A task begins behind what its component does first."""
    image.patch("LP_ENTRIES", 4, image.word("LP_ENTRIES", 4) + 8)


MISLED: tuple[ImageSabotage, ...] = (
    ImageSabotage(
        name="a variable that is another's",
        rule=_RULE,
        partition="mixer",
        breaks=_others_variable,
        touching=".lp.mixer.text",
        alone=True,
    ),
    ImageSabotage(
        name="a word off by one",
        rule=_RULE,
        partition="mixer",
        breaks=_bit("mixer", 8, 1),
        touching=".lp.mixer.text",
        alone=True,
    ),
    ImageSabotage(
        name="a share off by one",
        rule=_RULE,
        partition="uart",
        breaks=_bit("uart", 12, 1),
        touching=".lp.uart.text",
        alone=True,
    ),
    ImageSabotage(
        name="MOVW off by one",
        rule=_RULE,
        partition="uart",
        breaks=_bit("uart", 2, 1),
        units=ARM,
        touching=".lp.uart.text",
        alone=True,
    ),
    ImageSabotage(
        name="MOVT off by one",
        rule=_RULE,
        partition="uart",
        breaks=_bit("uart", 6, 1),
        units=ARM,
        touching=".lp.uart.text",
        alone=True,
    ),
    ImageSabotage(
        name="AUIPC off by a page",
        rule=_RULE,
        partition="uart",
        breaks=_bit("uart", 1, 0x10),
        units=PMP,
        touching=".lp.uart.text",
        alone=True,
    ),
    ImageSabotage(
        name="a lower half off by one",
        rule=_RULE,
        partition="uart",
        breaks=_bit("uart", 6, 0x10),
        units=PMP,
        touching=".lp.uart.text",
        alone=True,
    ),
    ImageSabotage(name="a task past its entry", rule="entries", partition="mixer", breaks=_past_the_entry, alone=True),
)
