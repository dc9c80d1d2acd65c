"""Every refusal shows one way out: no fault is made without a hint."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import layoutplan

PACKAGE = Path(layoutplan.__file__).parent


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "Fault":
            yield node


def may_be_empty(node: ast.AST) -> bool:
    """Whether an expression is the empty text, or one branch of it is."""
    if isinstance(node, ast.IfExp):
        return may_be_empty(node.body) or may_be_empty(node.orelse)
    return isinstance(node, ast.Constant) and not node.value


def empty_defaults(function: ast.FunctionDef) -> Iterator[int]:
    arguments = function.args
    positional = (arguments.posonlyargs + arguments.args)[::-1]
    pairs = [*zip(positional, arguments.defaults[::-1], strict=False)]
    pairs += [(name, value) for name, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value]
    yield from (name.lineno for name, value in pairs if name.arg == "hint" and may_be_empty(value))


def without_hint(source: str) -> list[int]:
    """The lines where a fault has no hint or an empty one, or where something called ``hint`` may be empty."""
    tree = ast.parse(source)
    found: list[int] = []
    for call in calls(tree):
        hints = [keyword.value for keyword in call.keywords if keyword.arg == "hint"]
        if not hints or any(map(may_be_empty, hints)):
            found.append(call.lineno)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            found += empty_defaults(node)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "hint" and may_be_empty(node.value):
            found.append(node.lineno)
    return sorted(found)


def test_no_fault_lacks_a_hint() -> None:
    found = {
        f"{path.relative_to(PACKAGE.parent)}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line in without_hint(path.read_text(encoding="utf-8"))
    }
    assert found == set()


def test_the_walk_sees_what_it_looks_for() -> None:
    assert without_hint("Fault(code='a', message='b')") == [1]
    assert without_hint("errors.Fault(code='a', message='b', hint='')") == [1]
    assert without_hint("Fault(code='a', message='b', hint='c' if d else '')") == [1]
    assert without_hint("def f(x: int, hint: str = '') -> None: ...") == [1]
    assert without_hint("hint = 'a' if b else ''") == [1]
    assert without_hint("hint = ''.join(words)\nFault(code='a', message='b', hint=hint)") == []
    assert without_hint("Fault(code='a', message='b', hint='c')") == []
