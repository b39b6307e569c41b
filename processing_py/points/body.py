"""The values of a request's body: unpacked, its format told by its type and its first bytes, split by that format.

Servers disagree on whether the type or the content decides, so either is enough for a body to be read as a format.
"""

from __future__ import annotations

import re

from processing_py.points import charset, codecs, containers, form, multipart, parameters, text, xml
from processing_py.points.leaf import Path
from processing_py.points.work import Work

_ROOT = re.compile(r"<([A-Za-z][\w:.-]*)")
_DECLARATION = re.compile(r"\A<\?xml[^>]{0,200}\?>")
_RUN = re.compile(rb"[\t\r\n\x20-\x7e]{8,}")
RUNS = 256
"""Printable runs of a binary body that are looked at."""
POST: Path = (("post",),)


def add(work: Work, body: bytes, content_type: bytes, encoding: bytes) -> None:
    """Add the body's values. ``encoding``: the Content-Encoding in small letters."""
    post = POST
    if encoding and encoding != b"identity":
        unpacked = _unpack(work, body, encoding)
        if unpacked is not None:
            body, post = unpacked, (*POST, ("gzip",))
    elif body[:2] == b"\x1f\x8b":
        body = codecs.inflate(body, work.budget) or body
    lowered = content_type.lower()
    body = charset.to_utf8(body, lowered)
    delimiter = multipart.boundary(content_type, body) if b"multipart" in lowered or body[:2] == b"--" else b""
    if delimiter:
        _add_multipart(work, post, body, delimiter)
        return
    head = body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"json" in lowered or head[:1] in (b"{", b"["):
        parts = containers.json_doc(text.decode(body))
        if parts is not None:
            work.add_parts((*post, ("json_doc",)), parts, 1)
            return
    may_be_xml = head[:1] == b"<" and (b"xml" in lowered or head[:2] in (b"<?", b"<!") or b"form" not in lowered)
    if may_be_xml and _add_xml(work, post, body, page=b"form" not in lowered):
        return
    if b"=" in body[:8192] and b"\0" not in body[:1024] and b"text/plain" not in lowered:
        parameters.add(work, body, "form_urlencoded", post, post)
    elif text.mostly_text(body):
        work.add(post, text.decode(body))
    else:
        _add_binary(work, post, body)


def _unpack(work: Work, body: bytes, encoding: bytes) -> bytes | None:
    if b"gzip" in encoding or b"deflate" in encoding:
        unpacked = codecs.inflate(body, work.budget)
        if unpacked is None and b"deflate" in encoding:
            unpacked = codecs.inflate_raw(body, work.budget)
        return unpacked
    return None


def _add_binary(work: Work, path: Path, body: bytes) -> None:
    """Protobuf, file uploads: the printable runs, of which a few long ones are enough to tell."""
    for index, run in enumerate(_RUN.findall(body)):
        if index >= RUNS:
            break
        work.add((*path, ("array", index)), run.decode("ascii"))


def _add_multipart(work: Work, post: Path, body: bytes, delimiter: bytes) -> None:
    base: Path = (*post, ("multipart",))
    for index, part in enumerate(multipart.parts(body, delimiter)):
        if index >= work.budget.limits.nodes:
            work.budget.exceeded = "nodes"
            return
        path: Path = (*base, ("hash", part.name))
        if form.odd_name(part.name):
            work.add((*base, ("hash_name", part.name[: parameters.NAME_LENGTH])), part.name)
        if part.filename:
            work.add((*path, ("content_disp", "filename")), part.filename)
        content = charset.to_utf8(part.content, b"charset=" + part.charset.encode("latin-1", "replace"))
        if not part.filename:
            work.add(path, text.decode(content))
        elif text.mostly_text(content):
            work.add((*path, ("file",)), text.decode(content))
        else:
            _add_binary(work, (*path, ("file",)), content)


def _add_xml(work: Work, post: Path, body: bytes, *, page: bool) -> bool:
    """Add a document's texts; False when ``body`` may be something else too, as servers refuse it as a document.

    ``page``: pieces of a page, which are rarely well-formed, are taken as they are.
    """
    whole = text.decode(body)
    match = _ROOT.search(whole[:4096])
    html = match is not None and match[1].lower() in _HTML
    document = xml.read(_DECLARATION.sub("", whole.lstrip("\ufeff \t\r\n"), count=1).encode("utf-8", "replace"))
    if document is None:
        return False
    work.add(post if html else (*post, ("xml",)), whole, 1, structure=not html)
    work.add_parts((*post, ("xml",)), document.parts, 1)
    return document.well_formed or (html and page)


_HTML = frozenset((
    "a", "abbr", "b", "base", "body", "button", "div", "embed", "form", "frameset", "head", "html", "iframe", "img",
    "input", "link", "marquee", "math", "meta", "object", "p", "script", "select", "span", "style", "svg", "table",
    "template", "textarea", "title", "video", "audio", "x",
))  # fmt: skip
"""Elements with which a body is a piece of a page, not an XML document."""
