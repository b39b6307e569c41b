"""XML bodies through lxml, with entities, network and DTD loading off: texts, attributes, comments, instructions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

from processing_py.points.containers import Part
from processing_py.points.leaf import Path

ELEMENTS = 20_000
"""Elements that are followed; a document with more is cut there."""

_REFERENCE = re.compile(rb"&#(?:x0*+(d[89a-f][0-9a-f]{2})|0*+([0-9]{5}));", re.IGNORECASE)
"""References to characters by their number, among them all to surrogates."""
_REPLACEMENT = "\ufffd".encode()


@dataclass(frozen=True, slots=True)
class Document:
    """What could be read of a document."""

    parts: list[Part]
    well_formed: bool
    """Otherwise strict parsers refuse it, and parts of it may be missing, such as what stands behind the root."""


def read(data: bytes) -> Document | None:
    """Return the parts of an XML document, None when nothing of it can be read."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, recover=True, huge_tree=False, collect_ids=False
    )
    try:
        root = etree.fromstring(_REFERENCE.sub(_character, data), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    if root is None:
        return None
    parts: list[Part] = []
    for count, (element, path) in enumerate(_walk(root)):
        if count >= ELEMENTS:
            break
        _collect(element, path, parts)
    return Document(parts, not parser.error_log)


def _character(match: re.Match[bytes]) -> bytes:
    """A surrogate is no character (XML 1.0 §2.2), but libxml2 makes one, which lxml then fails to read as UTF-8."""
    code = int(match[1], 16) if match[1] else int(match[2])
    return _REPLACEMENT if 0xD800 <= code <= 0xDFFF else match[0]


def _walk(root: etree._Element) -> list[tuple[etree._Element, Path]]:
    """Elements in document order, with paths of the three outermost and the own tag."""
    found: list[tuple[etree._Element, Path]] = []
    stack: list[tuple[etree._Element, Path]] = [(root, (_step(root),))]
    while stack and len(found) <= ELEMENTS:
        element, path = stack.pop()
        found.append((element, path))
        stack.extend((child, (*path[:7], _step(child))) for child in reversed(element))
    return found


def _step(element: etree._Element) -> tuple[str, str]:
    tag = element.tag
    if isinstance(tag, str):
        return ("xml_tag", tag.rpartition("}")[2])
    if isinstance(element, etree._Comment):
        return ("xml_comment", "")
    return ("xml_pi", "")


def _collect(element: etree._Element, path: Path, parts: list[Part]) -> None:
    if element.text:
        parts.append(Part(path, element.text))
    if element.tail and not element.tail.isspace():
        parts.append(Part(path[:-1] or path, element.tail))
    if isinstance(element.tag, str):
        for name, value in element.items():
            parts.append(Part((*path, ("xml_attr", name.rpartition("}")[2])), value))
