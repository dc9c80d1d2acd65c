"""What the checker found, in a form that the report can print."""

from __future__ import annotations

from dataclasses import dataclass

from layoutplan.address import AddressRange


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """One broken rule: which rule, for which partition, at which address, in words."""

    rule: str
    partition: str = ""
    range: AddressRange | None = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome of a check. ``proved`` counts obligations decided yes by every method used; ``unknown`` are named.

    ``untraced`` are linked components whose sealed object was not at hand: no obligation speaks of their bytes.
    ``caveat`` is the target's: what even a yes leaves open, where the chip's catalogue entry is unverified.
    """

    obligations: int
    proved: int
    findings: tuple[Finding, ...] = ()
    unknown: tuple[str, ...] = ()
    untraced: tuple[str, ...] = ()
    caveat: str | None = None

    @property
    def holds(self) -> bool:
        """Whether every obligation was proved, and there was at least one."""
        return self.obligations > 0 and self.proved == self.obligations and not self.findings and not self.unknown
