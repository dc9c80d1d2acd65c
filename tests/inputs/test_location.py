"""Lines of key paths, and what is said where a key has none."""

from __future__ import annotations

import subprocess
import sys

from layoutplan.inputs.location import Locations, dotted, key_lines

TEXT = """a = 1
[component.net] # net
stack = 1
memory = { data = "x",
  code = "y" }
list = [
  1,
  # a comment is no element
  { deep = 2 },
]
"quo.ted" = 1
[[reserve]]
base = 1
[[reserve]]
base = 2
dotted.key = 3
"""


def test_every_kind_of_key_has_its_line() -> None:
    assert {dotted(path): line for path, line in key_lines(TEXT)} == {
        "a": 1,
        "component.net": 2,
        "component.net.stack": 3,
        "component.net.memory": 4,
        "component.net.memory.data": 4,
        "component.net.memory.code": 5,
        "component.net.list": 6,
        "component.net.list[0]": 7,
        "component.net.list[1]": 9,
        "component.net.list[1].deep": 9,
        "component.net.quo.ted": 11,
        "reserve[0]": 12,
        "reserve[0].base": 13,
        "reserve[1]": 14,
        "reserve[1].base": 15,
        "reserve[1].dotted.key": 16,
    }


def test_a_missing_key_has_the_line_of_its_table() -> None:
    locations = Locations("layout.toml", TEXT)
    assert locations.of(["component", "net", "entry"]) == "layout.toml:2: component.net.entry"
    assert locations.of(["component"]) == "layout.toml:2: component"
    assert locations.of(["reserve", 1, "size"]) == "layout.toml:14: reserve[1].size"
    assert locations.of(["kernel", "stack"]) == "layout.toml: kernel.stack"
    assert locations.of([]) == "layout.toml"


def test_the_grammar_is_not_loaded_for_a_manifest_without_a_fault() -> None:
    program = (
        "import sys; from pathlib import Path; from layoutplan.inputs.manifest import read_manifest_bytes\n"
        "text = b'manifest-version = 1\\n[target]\\nchip = \"mps2-an385\"\\n[component.a]\\nsizes = {}\\n'\n"
        "system = read_manifest_bytes(text, Path('layout.toml'), {}).system\n"
        "assert not {'tree_sitter', 'elftools', 'z3'} & set(sys.modules)\n"
        "assert system.location('component.a.sizes') == 'layout.toml:5: component.a.sizes'\n"
        "assert 'tree_sitter' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
