"""The evidence folder: each obligation as a file for any SMT-LIB solver, tied to the image by offsets and hashes.

Nothing in it depends on when or where it was made, so the same image gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path

from layoutplan.check.assumptions import assumptions_text
from layoutplan.check.checker import prove
from layoutplan.check.elf.image import ElfImage, read_image
from layoutplan.check.owners.facts import Facts
from layoutplan.check.proof import script
from layoutplan.check.proof.case import Case, Obligation, definitions, head, intervals_of, obligations_of
from layoutplan.check.proof.lemmas import lemmas
from layoutplan.check.proof.prove import Answer
from layoutplan.check.switch.table import read_table
from layoutplan.check.verify import image_case
from layoutplan.model.access import Access
from layoutplan.model.component import System
from layoutplan.model.evidence import Verdict
from layoutplan.model.plan import Plan

CLAIMS: Mapping[str, str] = {
    "well-formed": "no register word has a reserved or UNPREDICTABLE field",
    "isolation": "unprivileged code may do nothing to a byte that its owner does not give the partition",
    "availability": "the partition may do everything it needs, at every byte",
    "kernel-access": "the kernel reaches what it needs while the partition's registers are loaded",
    "kernel-confined": "by itself the kernel has what it needs and no more: no partition's byte, no code but its own",
    "seam": "one slot decides all of each stack, shared buffer and undivided block",
    "memory-type": "each permitted byte has the memory type of the catalogue",
    "exactness": "the registers permit what LP_GRANTS says, no more and no less",
    "transition": "after the stores of a switch, from any predecessor, the registers hold the words that are proved",
    "write-xor-execute": "no physical byte that any partition may write may be executed by any",
}
"""What each rule's question shows when it is unsatisfiable."""


def evidence_files(
    elf: Path, system: System, plan: Plan | None = None, *, objects: Mapping[str, bytes] | None = None
) -> tuple[Verdict, dict[str, str]]:
    """The verdict on the image, and the folder's files by relative path. No files where there is nothing to prove."""
    image = read_image(elf)
    case = image_case(image, system, plan, objects or {})
    verdict = prove(case)
    return verdict, dict(files_of(case, image))


def files_of(case: Case, image: ElfImage) -> Iterator[tuple[str, str]]:
    """Every file of the folder, the index last."""
    if case.facts is None or not case.words:
        return
    made: dict[str, str] = {}
    expected: dict[str, Answer] = {}
    for path, text, answer in _questions(case, case.facts):
        made[path], expected[path] = text, answer
    for partition in case.facts.partitions:
        made[f"intervals/{partition}.txt"] = _intervals(case, partition)
    words = "".join(f"{offset} {word} {name}\n" for offset, word, name in _words(case.system, image))
    made["words.txt"] = words
    made["expected.txt"] = "".join(f"{answer.value} {path}\n" for path, answer in sorted(expected.items()))
    made["check.sh"] = resources.files("layoutplan.check").joinpath("check.sh").read_text(encoding="utf-8")
    made["assumptions.txt"] = assumptions_text()
    made["image.sha256"] = hashlib.sha256(image.data).hexdigest() + "\n"
    made["index.json"] = _index(case, made, expected)
    sums = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in made.items()}
    made["SHA256SUMS"] = "".join(f"{digest}  {path}\n" for path, digest in sorted(sums.items()))
    yield from sorted(made.items())


def _questions(case: Case, facts: Facts) -> Iterator[tuple[str, str, Answer]]:
    start = "(set-logic QF_BV)\n" + head(case)
    common = start + script.common(facts)
    by_partition = {partition: definitions(case, partition) for partition in facts.partitions}
    for obligation in obligations_of(case):
        query = obligation.query
        body = common + "".join(by_partition[p] for p in obligation.partitions) + obligation.definitions
        claim = _claim(obligation)
        yield f"obligations/{query.name}.smt2", _file(claim, body, query.asserted, Answer.UNSAT), Answer.UNSAT
        told = f"negative control of {query.name}: a solver that calls this unsat proves nothing"
        yield f"controls/{query.name}.smt2", _file(told, body, query.control, Answer.SAT), Answer.SAT
    for partition in facts.partitions:
        told = f"first and last byte of each need of {partition} is permitted, each foreign owner's first byte denied"
        text = _file(told, common + by_partition[partition], script.witnesses(partition, facts), Answer.SAT)
        yield f"witnesses/{partition}.smt2", text, Answer.SAT
        table = [(i.range, i.user) for i in intervals_of(case, partition) if i.user is not Access.NONE]
        query = script.intervals(partition, table)
        body = common + by_partition[partition]
        told = f"intervals/{partition}.txt says what the words of {partition} permit, at every address"
        yield f"intervals/{partition}.smt2", _file(told, body, query.asserted, Answer.UNSAT), Answer.UNSAT
        told = f"negative control of intervals.{partition}: the table without its first row"
        yield f"controls/{query.name}.smt2", _file(told, body, query.control, Answer.SAT), Answer.SAT
    for lemma in lemmas(case.system.unit, case.system.target):
        body = "(set-logic QF_BV)\n" + lemma.definitions
        told = f"lemma {lemma.name}, for all register words"
        yield f"lemmas/{lemma.name}.smt2", _file(told, body, lemma.asserted, Answer.UNSAT), Answer.UNSAT
        told = f"negative control of lemma {lemma.name}"
        yield f"controls/lemma-{lemma.name}.smt2", _file(told, body, lemma.control, Answer.SAT), Answer.SAT


def questions_of(case: Case) -> Iterator[tuple[str, str, float]]:
    """Each obligation's name, its file's text, and the processor seconds that enumeration took."""
    assert case.facts is not None
    common = "(set-logic QF_BV)\n" + head(case) + script.common(case.facts)
    by_partition = {partition: definitions(case, partition) for partition in case.facts.partitions}
    obligations = obligations_of(case)
    while True:
        started = time.process_time()
        obligation = next(obligations, None)
        if obligation is None:
            return
        spent = time.process_time() - started
        body = common + "".join(by_partition[p] for p in obligation.partitions) + obligation.definitions
        yield obligation.query.name, _file(_claim(obligation), body, obligation.query.asserted, Answer.UNSAT), spent


def _claim(obligation: Obligation) -> str:
    query = obligation.query
    who = f" (partition {query.partition})" if query.partition else ""
    return f"{query.rule}{who}: {CLAIMS[query.rule]}"


def _file(claim: str, body: str, assertion: str, expected: Answer) -> str:
    return f"; {claim}\n; expected: {expected.value}\n{body}(assert {assertion})\n(check-sat)\n"


def _intervals(case: Case, partition: str) -> str:
    """The whole address space of one partition: what is not listed is denied."""
    lines = ["base       end         rights slot"]
    for interval in intervals_of(case, partition):
        if interval.user is not Access.NONE:
            bounds = f"{interval.range.base:#010x} {interval.range.end:#011x}"
            lines.append(f"{bounds} {interval.user.letters:<6} {interval.slot}")
    return "\n".join(lines) + "\n"


def _words(system: System, image: ElfImage) -> Iterator[tuple[int, str, str]]:
    """File offset, bytes as ``od -An -v -tx1`` prints them without blanks, and the word's name in the table."""
    table, _ = read_table(image, system)
    if table is None:
        return
    for symbol, range_ in sorted(table.addresses.items(), key=lambda item: item[1]):
        for index in range(range_.size // 4):
            offset = image.file_offset(range_.base + 4 * index, 4)
            assert offset is not None, "the table was read through the same segment"
            yield offset, image.data[offset : offset + 4].hex(), f"{symbol}+{4 * index}"


def _index(case: Case, made: Mapping[str, str], expected: Mapping[str, Answer]) -> str:
    import z3  # type: ignore[import-untyped]  # z3 ships no types

    from layoutplan import __version__

    return (
        json.dumps(
            {
                "version": 1,
                "tool": f"layoutplan {__version__}",
                "solver": f"z3 {z3.get_version_string()}",
                "unit": case.system.unit.value,
                "chip": case.system.target.chip,
                "chip_verified": case.system.target.verified,
                "image": made["image.sha256"].strip(),
                "partitions": sorted(case.words),
                "obligations": len([path for path in expected if path.startswith("obligations/")]),
                "files": {
                    path: {
                        "expected": answer.value,
                        "sha256": hashlib.sha256(made[path].encode()).hexdigest(),
                    }
                    for path, answer in sorted(expected.items())
                },
                "words": [
                    {"offset": int(offset), "bytes": word, "name": name}
                    for offset, word, name in (line.split() for line in made["words.txt"].splitlines())
                ],
            },
            indent=1,
            sort_keys=True,
        )
        + "\n"
    )
