"""The detector: a request in, its malicious values out.

Points → gate → one scan → confirmers → score. The gate is in ``points.work`` (short words never become leaves) and in
the scan (a value without any literal is benign); only the few values with a hit reach a confirmer, and only those of
the types whose literals hit. ``Engine`` keeps no state between requests but a bounded memory of header values that
were found clean in their place, all of them looked at: browsers repeat them. It never changes a verdict.
"""

from __future__ import annotations

import re

from common_py.contracts import Finding, Point, Request
from processing_py.detect import score
from processing_py.detect.registry import ATTACK_TYPES
from processing_py.detect.scan import Scanner, best_scanner
from processing_py.detect.value import AttackType, Signal, Value
from processing_py.points.budget import Limits
from processing_py.points.leaf import Leaf, Path
from processing_py.points.text import printable
from processing_py.points.tree import DEFAULT_LIMITS, Tree

FINDINGS_PER_TYPE = 16
WINDOW = 4096
OVERLAP = 512
"""Long values are confirmed in windows, so that a confirmer's cost is bounded and the whole stays linear."""
NOISE_LENGTH = 64
"""Shorter values are never taken for binary data."""
CLEAN_HEADERS = 4096
CLEAN_LENGTH = 1024
CONFIRMED_CHARACTERS = 1 << 17
"""Characters that confirmers of one type may read in one request; beyond it the request is over budget."""
ALL_CHARACTERS = 1 << 19
"""The same for all types together."""


def literals(types: tuple[AttackType, ...]) -> dict[str, int]:
    """Every literal with the mask of the types (by position) that want it."""
    masks: dict[str, int] = {}
    for position, attack in enumerate(types):
        for literal in attack.literals:
            masks[literal] = masks.get(literal, 0) | 1 << position
    return masks


def triggers(types: tuple[AttackType, ...]) -> dict[str, int]:
    """Every trigger with the mask of the types (by position) that want it."""
    masks: dict[str, int] = {}
    for position, attack in enumerate(types):
        for trigger in attack.triggers:
            masks[trigger] = masks.get(trigger, 0) | 1 << position
    return masks


class Engine:
    """Finds attacks in requests. Not safe to share between threads: one per worker."""

    def __init__(
        self,
        types: tuple[AttackType, ...] = ATTACK_TYPES,
        scanner: Scanner | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._types = types
        self._scanner = scanner if scanner is not None else best_scanner(literals(types), triggers(types))
        self._limits = limits
        self._clean: set[tuple[Path, str]] = set()
        self._stopped = False
        self.work = 0
        """Characters that parsers, decoders and confirmers read in the last request: its deterministic cost."""

    def inspect(self, request: Request) -> list[Finding]:
        """Return the findings of ``request``: best first, at most one for each type and payload."""
        tree = Tree(request, self._limits)
        leaves = [leaf for leaf in tree.leaves if leaf.path[0][0] != "header" or leaf[:2] not in self._clean]
        findings: dict[tuple[str, str], Finding] = {}
        spent = [0] * len(self._types)
        self._stopped = False
        for index, mask in self._scanner.scan([leaf.text for leaf in leaves]).items():
            self._confirm(leaves[index], mask, spent, findings)
        self._remember(leaves, findings)
        self.work = tree.budget.steps + sum(spent)
        result = sorted(findings.values(), key=lambda finding: -finding.score)
        result.extend(_over_budget(tree, self._stopped))
        return result

    def _confirm(self, leaf: Leaf, mask: int, spent: list[int], findings: dict[tuple[str, str], Finding]) -> None:
        """Run the confirmers of the types in ``mask`` on ``leaf``; add what they find."""
        values = _values(leaf)
        if len(values) == 1:
            self._confirm_value(values[0], mask, spent, findings)
            return
        for index, part in self._scanner.scan([value.text for value in values]).items():
            self._confirm_value(values[index], part, spent, findings)

    def _confirm_value(
        self, value: Value, mask: int, spent: list[int], findings: dict[tuple[str, str], Finding]
    ) -> None:
        leaf = value.leaf
        header = value.header
        noisy = len(value.text) > NOISE_LENGTH and _noise(value.text)
        readable = (
            Value(leaf._replace(text=" ".join(_READABLE.findall(value.text))), part=value.part) if noisy else value
        )
        while mask:
            position = (mask & -mask).bit_length() - 1
            mask &= mask - 1
            attack = self._types[position]
            if leaf.structure and not attack.structure:
                continue
            if spent[position] > CONFIRMED_CHARACTERS or sum(spent) > ALL_CHARACTERS:
                self._stopped = True
                continue
            if header and header in attack.ignored_headers:
                continue
            spent[position] += len(value.text)
            signals = attack.confirm(value if attack.code in RAW else readable)
            if signals:
                self._judge(attack, leaf, signals, findings)

    def _judge(
        self, attack: AttackType, leaf: Leaf, signals: list[Signal], findings: dict[tuple[str, str], Finding]
    ) -> None:
        sure = score.score(attack, signals)
        if sure < score.THRESHOLD:
            return
        payload = printable(score.payload(attack, signals))
        key = (attack.code, payload)
        if key in findings or sum(code == attack.code for code, _ in findings) >= FINDINGS_PER_TYPE:
            return
        names = sorted({signal.name for signal in signals})
        findings[key] = Finding(attack.code, leaf.point(), payload, round(sure, 4), names)

    def _remember(self, leaves: list[Leaf], findings: dict[tuple[str, str], Finding]) -> None:
        if findings or self._stopped:
            return
        if len(self._clean) > CLEAN_HEADERS:
            self._clean.clear()
        for leaf in leaves:
            if leaf.path[0][0] == "header" and len(leaf.text) <= CLEAN_LENGTH:
                self._clean.add(leaf[:2])


def _values(leaf: Leaf) -> list[Value]:
    """The leaf as one value or, when it is long, as overlapping windows."""
    value = Value(leaf)
    if len(value.text) <= WINDOW:
        return [value]
    text = value.text
    return [
        Value(leaf._replace(text=text[start : start + WINDOW]), part=True)
        for start in range(0, max(1, len(text) - OVERLAP), WINDOW - OVERLAP)
    ]


def _noise(text: str) -> bool:
    """Whether ``text`` is binary data read as Latin-1: over a sixth of it are controls or upper Latin-1."""
    return len(_NOISE.findall(text)) * 6 > len(text)


_NOISE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\xff]")
_READABLE = re.compile(r"[^\x00-\x08\x0e-\x1f\x7f-\xff]{6,}+")
"""What is read of binary data: chance gives few runs of six text characters, and an attack has one."""
RAW = frozenset(("ptrav",))
"""Types that count encodings themselves and so read binary data as it stands."""


def _over_budget(tree: Tree, confirmers: bool) -> list[Finding]:
    point: Point = [["post"]] if tree.budget.exceeded or tree.budget.bomb else [["uri"]]
    if tree.budget.bomb:
        return [Finding("data_bomb", point, tree.budget.bomb, 1.0, ["growth"])]
    cause = tree.budget.exceeded or ("confirmers" if confirmers else "")
    return [Finding("overlimit_res", point, cause, 1.0, [cause])] if cause else []
