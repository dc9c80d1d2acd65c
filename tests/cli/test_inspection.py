"""What ``report``, ``diff``, ``explain``, ``chips`` and ``schema`` print where all is well: data on stdout, exit 0."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from collections.abc import Callable
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema_rs
import pytest

from layoutplan.cli.main import _run
from tests.cli.test_solve import GOOD

Ask = Callable[..., str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two plans, the second with ten times as many bytes of one component."""
    made = tmp_path_factory.mktemp("inspected")
    for name, text in (("old", GOOD), ("new", GOOD.replace("bss = 300 ", "bss = 3000 "))):
        (made / f"{name}.toml").write_text(text)
        assert _run(["solve", str(made / f"{name}.toml"), "--out", str(made / name)]) == 0
    return made


@pytest.fixture
def ask(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """What a command prints on stdout; it says yes, and nothing on stderr."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "100")

    def asked(*arguments: str) -> str:
        capsys.readouterr()
        status = _run(list(arguments))
        told = capsys.readouterr()
        assert (status, told.err) == (0, "")
        return told.out

    return asked


@pytest.fixture
def planned(folder: Path) -> dict[str, dict[str, Any]]:
    """The blocks of the first plan, by name, from the file that ``solve`` wrote and not from ``report``."""
    stored = json.loads((folder / "old" / "plan.json").read_text())
    return {block["name"]: block for block in stored["blocks"]}


def test_report_in_each_format_has_every_block(ask: Ask, planned: dict[str, dict[str, Any]]) -> None:
    told = {
        form: ask("report", "--plan", "old/plan.json", "--format", form)
        for form in ("text", "json", "markdown", "csv", "html", "svg")
    }
    assert ask("report", "--plan", "old/plan.json") == told["text"]
    assert "driver.data" in planned
    assert {b["name"]: b for b in json.loads(told["json"])["blocks"]} == planned
    rows = {row["block"]: row for row in csv.DictReader(io.StringIO(told["csv"]))}
    plain = {form: told[form].replace("|", " ").replace("`", "") for form in ("text", "markdown")}
    lines = {form: [line.split() for line in text.splitlines()] for form, text in plain.items()}
    HTMLParser().feed(told["html"])
    drawn = "".join(ElementTree.fromstring(told["svg"]).itertext())
    for name, block in planned.items():
        base = f"0x{block['base'] >> 16:04x}_{block['base'] & 0xFFFF:04x}"
        sizes = [str(block[key]) for key in ("used", "granted", "padding")]
        assert [rows[name][key] for key in ("used", "granted", "padding")] == sizes
        assert int(rows[name]["base"], 16) == block["base"]
        for form in ("text", "markdown"):
            assert any(line[:5] == [name, base, *sizes] for line in lines[form]), (form, name)
        assert name in told["html"]
        assert base in told["html"]
        assert name in drawn
    assert told["html"].startswith("<!doctype html>")


def test_diff_names_what_grew_and_is_empty_of_a_plan_and_itself(ask: Ask) -> None:
    text = ask("diff", "old/plan.json", "new/plan.json")
    grown = next(line for line in text.splitlines() if line.split()[:1] == ["driver.data"])
    assert "grew" in grown
    assert "+2700" in grown
    found = json.loads(ask("diff", "old/plan.json", "new/plan.json", "--format", "json"))
    assert found["same"] is False
    same = json.loads(ask("diff", "old/plan.json", "old/plan.json", "--format", "json"))
    assert same["same"] is True


def test_explain_answers_for_an_address_and_a_symbol(ask: Ask, planned: dict[str, dict[str, Any]]) -> None:
    block = planned["driver.data"]
    last = block["base"] + block["used"] - 1
    by_symbol = json.loads(ask("explain", "__lp_driver_data_start", "--plan", "old/plan.json", "--format", "json"))
    assert (by_symbol["address"], by_symbol["owner"]) == (block["base"], "driver")
    for place, state in ((last, "used"), (last + 1, "padding")):
        found = json.loads(ask("explain", hex(place), "--plan", "old/plan.json", "--format", "json"))
        assert (found["owner"], found["block"], found["state"]) == ("driver", "driver.data", state)
        assert {row["partition"]: row["access"] for row in found["access"]} == {"app": "", "driver": "rw"}
    text = [line.split() for line in ask("explain", hex(last), "--plan", "old/plan.json").splitlines()]
    assert ["owner", "driver"] in text
    assert ["app", "none", "-"] in text
    assert any(row[:2] == ["driver", "rw"] for row in text)


def test_chips_lists_every_entry_and_what_it_lacks(ask: Ask) -> None:
    lines = {line.split()[0]: line for line in ask("chips").splitlines()}
    entries = [
        tomllib.loads(file.read_text(encoding="utf-8"))
        for file in resources.files("layoutplan.inputs.chips").iterdir()
        if file.name.endswith(".toml")
    ]
    assert set(lines) == {entry["name"] for entry in entries}
    for entry in entries:
        line, lacks = lines[entry["name"]], entry.get("lacks", [])
        assert entry["title"] in line
        assert ("unverified" in line) is bool(lacks)
        assert all(lack in line for lack in lacks)


@pytest.mark.parametrize("name", ["manifest", "report"])
def test_schema_takes_what_it_describes_and_nothing_else(ask: Ask, name: str) -> None:
    schema = json.loads(ask("schema", name))
    validator = jsonschema_rs.validator_for(schema)
    body: dict[str, Any] = tomllib.loads(GOOD)
    if name == "report":
        body = json.loads(ask("report", "--plan", "old/plan.json", "--format", "json"))
    validator.validate(body)
    assert not validator.is_valid({**body, "isolation": 7})


def test_the_schema_that_is_meant_without_a_name_is_the_manifests(ask: Ask) -> None:
    assert ask("schema") == ask("schema", "manifest")
