"""Two expressions near each other, in linear time.

``first.{0,200}second`` as one expression reads 200 characters again for every ``first``. ``follows`` remembers how far
``second`` was looked for in vain, so that no character is read more than twice however many ``first`` there are.
"""

from __future__ import annotations

import re

LONGEST = 24
"""Characters of ``second`` that may stand before the place up to which it was looked for."""


def follows(
    first: re.Pattern[str], second: re.Pattern[str], text: str, span: int, stop: str = ""
) -> tuple[int, int] | None:
    """Return start of a ``first`` and end of the ``second`` after it, at most ``span`` characters on; None without.

    No ``stop`` character may stand between them.
    """
    searched = 0
    for opening in first.finditer(text):
        begin = opening.end()
        limit = min(len(text), begin + span)
        if stop:
            end = text.find(stop, begin, limit)
            limit = end if end >= 0 else limit
        if limit <= searched:
            continue
        found = second.search(text, max(begin, searched - LONGEST), limit)
        if found is not None:
            return opening.start(), found.end()
        searched = limit
    return None
