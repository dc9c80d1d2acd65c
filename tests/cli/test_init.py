"""``layoutplan init``: whatever the objects are called, what it writes is a manifest that is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from layoutplan.cli.main import _run
from layoutplan.inputs import read_manifest
from tests.objects.builder import Sym, simple

FILES = {
    "uart.o": "uart_main",
    "two/UART.o": "UartMain",
    "kernel.o": "start",
    "libshared.o": "poll",
    "9 lives.o": "cat",
    'quo"te\\.o': "q@1.0#x",
    "größe.o": "size",
}


def test_every_name_of_a_file_becomes_one_of_a_component(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for file, symbol in FILES.items():
        path = tmp_path / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(simple(symbols=[Sym(name=symbol, section=1)]).build())
    assert _run(["init", "--chip", "stm32f407", *FILES]) == 0
    assert capsys.readouterr().err == "wrote: layout.toml\n"
    system = read_manifest(tmp_path / "layout.toml", {}).system
    assert {c.name: (c.objects[0].name, c.entry) for c in system.components} == {
        "UART-2": ("UART.o", "UartMain"),
        "c-9-lives": ("9 lives.o", "cat"),
        "c-kernel": ("kernel.o", "start"),
        "c-shared": ("libshared.o", "poll"),
        "gr--e": ("größe.o", "size"),
        "quo-te-": ('quo"te\\.o', "q@1.0#x"),
        "uart": ("uart.o", "uart_main"),
    }


def test_a_manifest_is_not_overwritten_and_a_chip_is_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _run(["init", "--chip", "stm32f4"]) == 2
    assert "hint: did you mean `stm32f407`?" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    (tmp_path / "layout.toml").write_text("mine")
    assert _run(["init", "--chip", "stm32f407"]) == 2
    assert "error[exists]: layout.toml exists and is not overwritten" in capsys.readouterr().err
    assert (tmp_path / "layout.toml").read_text() == "mine"
