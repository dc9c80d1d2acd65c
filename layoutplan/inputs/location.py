"""Where a key stands in the manifest. The TOML grammar is loaded only when somebody asks for a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

KeyPath = tuple[str | int, ...]
"""Keys and array indices from the root: ``("component", "net", "stack")``."""


def dotted(path: Sequence[str | int]) -> str:
    """``component.net.stack``, ``reserve[0].base``; on one line, whatever a quoted key holds."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{printable(step)}" if text else printable(step)
    return text


def printable(text: str) -> str:
    """``text`` with what a terminal would act on, line ends first, as the escape that TOML writes for it."""
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in text)


class Locations(Mapping[str, str]):
    """Dotted key path to ``layout.toml:31: component.net.stack``. A missing key has the line of its table."""

    __slots__ = ("_file", "_lines", "_text")

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._text = text
        self._lines: dict[str, int] | None = None

    @property
    def lines(self) -> Mapping[str, int]:
        """Dotted key path to line, counted from one."""
        if self._lines is None:
            self._lines = {}
            for path, line in key_lines(self._text):
                for length in range(1, len(path) + 1):  # `[component.net]` is where `component` stands, too
                    self._lines.setdefault(dotted(path[:length]), line)
        return self._lines

    def __getitem__(self, path: str) -> str:
        known = path
        while known not in self.lines:
            cut = max(known.rfind("."), known.rfind("["))
            if cut < 0:
                raise KeyError(path)
            known = known[:cut]
        return f"{self._file}:{self.lines[known]}: {path}"

    def __iter__(self) -> Iterator[str]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self.lines)

    def of(self, path: Sequence[str | int]) -> str:
        """The location of a key path, without a line where none is known."""
        text = dotted(path)
        if not text:
            return self._file
        return self.get(text, f"{self._file}: {text}")


def key_lines(text: str) -> Iterator[tuple[KeyPath, int]]:
    """Every key path of a TOML text with its line, counted from one, in the order of the text."""
    from tree_sitter import Language, Parser
    from tree_sitter_toml import language

    root = Parser(Language(language())).parse(text.encode()).root_node
    arrays: dict[KeyPath, int] = {}
    for node in root.named_children:
        if node.type == "pair":
            yield from _pair((), node)
        elif node.type in ("table", "table_array_element") and node.named_children:
            header, *pairs = node.named_children
            path: KeyPath = _keys(header)
            if node.type == "table_array_element":
                arrays[path] = index = arrays.get(path, -1) + 1
                path = (*path, index)
            yield path, header.start_point[0] + 1
            for pair in pairs:
                if pair.type == "pair":
                    yield from _pair(path, pair)


def _pair(table: KeyPath, node: Node) -> Iterator[tuple[KeyPath, int]]:
    if len(node.named_children) < 2:
        return
    key, value = node.named_children[0], node.named_children[1]
    path = (*table, *_keys(key))
    yield path, key.start_point[0] + 1
    yield from _value(path, value)


def _value(path: KeyPath, node: Node) -> Iterator[tuple[KeyPath, int]]:
    if node.type == "inline_table":
        for child in node.named_children:
            if child.type == "pair":
                yield from _pair(path, child)
    elif node.type == "array":
        elements = [child for child in node.named_children if child.type != "comment"]
        for index, element in enumerate(elements):
            yield (*path, index), element.start_point[0] + 1
            yield from _value((*path, index), element)


def _keys(node: Node) -> KeyPath:
    if node.type == "dotted_key":
        return tuple(key for child in node.named_children for key in _keys(child))
    text = (node.text or b"").decode(errors="replace")
    return (text[1:-1],) if node.type == "quoted_key" else (text,)
