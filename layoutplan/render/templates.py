"""Filling in the templates of ``ld_templates/``: they hold the shape, the data comes prepared."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from layoutplan.address import hexadecimal

if TYPE_CHECKING:
    from jinja2 import Environment


def fill(template: str, **data: Any) -> str:  # noqa: ANN401 - whatever the template names
    """The text of ``template`` with ``data``; a name that the data lacks is an error, never an empty string."""
    return _environment().get_template(template).render(data)


def compile_all() -> None:
    """Compile every template now, so that `fill` does not have to."""
    environment = _environment()
    for name in environment.list_templates(extensions=["j2"]):
        environment.get_template(name)


@cache
def _environment() -> Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("layoutplan.ld_templates", "."),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # linker scripts and Rust, not HTML
    )
    environment.filters["address"] = script_address
    environment.filters["word"] = hexadecimal
    environment.filters["doubleword"] = rust_doubleword
    environment.filters["rust_string"] = rust_string
    return environment


def script_address(value: int) -> str:
    """``0x20000000``: linker scripts know no digit separators."""
    return f"{value:#010x}"


def rust_doubleword(value: int) -> str:
    """``0x0123_4567_89ab_cdef``."""
    digits = f"{value:016x}"
    return "0x" + "_".join(digits[index : index + 4] for index in range(0, 16, 4))


def rust_string(text: str) -> str:
    """``text`` as a Rust string literal: an ELF symbol may hold quotes and backslashes."""
    return '"' + "".join(f"\\{char}" if char in '"\\' else char for char in text) + '"'
