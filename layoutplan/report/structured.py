"""The report for programs: JSON, the document itself, and CSV, one row per share of a block."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from io import StringIO
from typing import Any

from layoutplan.report.wording import Document

COLUMNS = ("component", "partition", "block", "kind", "memory", "base", "used", "granted", "padding", "slots", "access")
"""``used``, ``granted`` and ``padding`` are the component's own and sum over the rows to the memory's totals; ``base``,
``slots`` and ``access`` are the block's."""


def write_json(document: Document) -> str:
    """The document, keys in its own order, with a newline at the end."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_csv(document: Document) -> str:
    """``COLUMNS``, then a row for each component in each block, and for each share, ascending by address."""
    out = StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for block in document["blocks"]:
        owners = [
            {"component": entry["name"], **share}
            for entry in document["components"]
            for share in entry["blocks"]
            if share["block"] == block["name"]
        ]
        for owner in owners or [{"component": "", "block": block["name"], **_sizes(block)}]:
            row = {key: block[key] for key in ("partition", "kind", "memory", "slots", "access")}
            writer.writerow(
                row | owner | {"base": f"{block['base']:#010x}", "granted": owner["used"] + owner["padding"]}
            )
    return out.getvalue()


def _sizes(block: Mapping[str, Any]) -> dict[str, int]:
    return {"used": block["used"], "padding": block["padding"]}
