"""A request's values: the target, headers, cookies and body taken apart, then every value through every decoder.

Theory of operation. Parsers (``form``, ``containers``, ``multipart``, ``xml``) split; decoders (``codecs``) turn one
value into others. Both feed a work list of (path, text, depth). Every text is emitted once, decoded or not, so a
detector sees each reading that some server could make. Invariants: a text is worked on once per request; children
are one level deeper; the budget is paid before work. Cost: linear in the bytes that the budget admits.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

from common_py.contracts import Request
from processing_py.points import codecs, containers, form, multipart, percent, text, xml
from processing_py.points.budget import Budget, Limits
from processing_py.points.leaf import Leaf, Path

_INTERESTING = re.compile(r"[^A-Za-z0-9 .,:;=*/_()-]|[A-Za-z0-9/_-]{8}|[A-Za-z0-9/_-]{6}=")
_PLAIN_SEGMENT = re.compile(r"[\w.~@:,+!-]*\Z")
_URL_QUERY = re.compile(r"\A(?:[a-zA-Z][a-zA-Z0-9+.-]{1,20}:)?[^?\s<>\"']{0,2000}\?([^#]*=[^#]*)")
_ABSOLUTE = re.compile(rb"\A[a-zA-Z][a-zA-Z0-9+.-]{0,20}://[^/?#]*")
_ROOT = re.compile(r"<([A-Za-z][\w:.-]*)")
_DECLARATION = re.compile(r"\A<\?xml[^>]{0,200}\?>")
_CHARSET = re.compile(rb"charset\s*=\s*\"?([\w-]{1,40})", re.IGNORECASE)
TRIVIAL_LENGTH = 8
"""Shorter values of letters and digits only cannot be an attack."""
LARGE = 8192
"""In longer values percent, entity, backslash and compatibility forms are resolved by one chain instead of a tree of
all combinations; base64, hexadecimal and JWT are read of the value and of what the chain makes of it."""
DEFAULT_LIMITS = Limits()


class Tree:
    """The values of one request: ``leaves`` after construction, ``budget`` with what was not looked at."""

    __slots__ = ("_seen", "_work", "budget", "leaves")

    def __init__(self, request: Request, limits: Limits = DEFAULT_LIMITS) -> None:
        size = len(request.target) + len(request.body) + sum(len(name) + len(value) for name, value in request.headers)
        self.budget = Budget(size, limits)
        self.leaves: list[Leaf] = []
        self._seen: set[str] = set()
        self._work: list[tuple[Path, str, int, bool]] = []
        self._target(request.target)
        content_type, encoding = self._headers(request)
        if request.body:
            self._body(request.body, content_type, encoding)
        self._run()

    def _add(self, path: Path, value: str, depth: int = 0, structure: bool = False) -> None:
        if len(value) < TRIVIAL_LENGTH and value.isalnum():
            return
        if value and not value.isspace():
            self._work.append((path, value, depth, structure))

    def _target(self, target: bytes) -> None:
        absolute = _ABSOLUTE.match(target)
        if absolute is not None:
            target = target[absolute.end() :]
        route, mark, query = target.partition(b"?")
        decoded = text.decode(route)
        if len(decoded) > 1:
            self._add((("uri",),), decoded)
            self._segments(percent.decode(decoded) if "%" in decoded else decoded)
        if mark and query:
            self._form(query, "get", (), (("uri",),))

    def _segments(self, route: str) -> None:
        """Path segments that may carry a value of their own: encoded, or with unusual characters."""
        segments = route.split("/")
        for index, segment in enumerate(segments[1:65]):
            if len(segment) < TRIVIAL_LENGTH:
                continue
            last = index == len(segments) - 2
            path: Path = (("action_name",),) if last else (("path", index),)
            if _PLAIN_SEGMENT.match(segment) is None:
                self._add(path, segment)
                continue
            if codecs.DECODERS[4].trigger(segment) or codecs.DECODERS[5].trigger(segment):
                self._decode(path, segment, 0)

    def _headers(self, request: Request) -> tuple[bytes, bytes]:
        content_type = encoding = b""
        for name, value in request.headers:
            lowered = name.lower()
            if lowered == b"cookie":
                self._cookie(value)
                continue
            if lowered == b"content-type":
                content_type = value
            elif lowered == b"content-encoding":
                encoding = value.lower()
            label = text.decode(name).upper()
            self._add((("header", label),), text.decode(value))
            if form.odd_name(label):
                self._add((("header_name", label),), label)
        return content_type, encoding

    def _cookie(self, value: bytes) -> None:
        odd = False
        for name, content in form.cookies(value):
            path: Path = (("header", "COOKIE"), ("cookie", name))
            self._add(path, content)
            odd = odd or form.odd_name(name) or (not content and "%" in name)
        if odd:
            self._add((("header", "COOKIE"),), text.decode(value))

    def _form(self, data: bytes, kind: str, base: Path, whole: Path) -> None:
        """Names and values of a query or form body below ``base``; the whole text too when it looks like no form."""
        odd = False
        repeated: dict[str, list[str]] = {}
        for name, value in form.pairs(data):
            if name in repeated:
                repeated[name].append(value)
            else:
                repeated[name] = [value]
            self._add(base + containers.key_path(kind, name), value)
            if form.odd_name(name):
                odd = True
                self._add((*base, (kind + "_name", name[:64])), name)
            if len(repeated) > self.budget.limits.nodes:
                self.budget.exceeded = "nodes"
                break
        for name, values in repeated.items():
            if 1 < len(values) < 100:
                self._add((*base, (kind, name), ("pollution",)), ",".join(values))
        if odd:
            self._add(whole, percent.decode_form(data))

    def _body(self, body: bytes, content_type: bytes, encoding: bytes) -> None:
        post: Path = (("post",),)
        if encoding and encoding != b"identity":
            unpacked = self._unpack(body, encoding)
            if unpacked is not None:
                body, post = unpacked, (("post",), ("gzip",))
        elif body[:2] == b"\x1f\x8b":
            body = codecs.inflate(body, self.budget) or body
        lowered = content_type.lower()
        body = self._charset(body, lowered)
        delimiter = multipart.boundary(content_type, body) if b"multipart" in lowered or body[:2] == b"--" else b""
        if delimiter:
            self._multipart(post, body, delimiter)
            return
        head = body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
        if b"json" in lowered or head[:1] in (b"{", b"["):
            parts = containers.json_doc(text.decode(body))
            if parts is not None:
                self._parts((*post, ("json_doc",)), parts, 1)
                return
        if head[:1] == b"<" and (b"xml" in lowered or head[:2] in (b"<?", b"<!") or b"form" not in lowered):
            self._xml(post, body)
            return
        if b"=" in body[:8192] and b"\0" not in body[:1024] and b"text/plain" not in lowered:
            self._form(body, "form_urlencoded", post, post)
            return
        if text.mostly_text(body):
            self._add(post, text.decode(body))
        else:
            self._binary(post, body)

    def _binary(self, path: Path, body: bytes) -> None:
        """Protobuf, file uploads: the printable runs, of which a few long ones are enough to tell."""
        for index, run in enumerate(_RUN.findall(body)):
            if index >= 256:
                break
            self._add((*path, ("array", index)), run.decode("ascii"))

    def _unpack(self, body: bytes, encoding: bytes) -> bytes | None:
        if b"gzip" in encoding or b"deflate" in encoding:
            unpacked = codecs.inflate(body, self.budget)
            if unpacked is None and b"deflate" in encoding:
                unpacked = codecs.inflate_raw(body, self.budget)
            return unpacked
        return None

    def _charset(self, body: bytes, content_type: bytes) -> bytes:
        match = _CHARSET.search(content_type)
        if match is not None and match[1][:5] in (b"utf-1", b"utf-3", b"utf16", b"utf32", b"utf-7", b"ibm03", b"cp037"):
            if match[1] in (b"ibm037", b"cp037"):
                return b"&".join(_from_ebcdic(part) for part in body.split(b"&"))
            try:
                return body.decode(match[1].decode("ascii"), "replace").encode("utf-8", "replace")
            except LookupError:
                return body
        return body

    def _multipart(self, post: Path, body: bytes, delimiter: bytes) -> None:
        base: Path = (*post, ("multipart",))
        for index, part in enumerate(multipart.parts(body, delimiter)):
            if index >= self.budget.limits.nodes:
                self.budget.exceeded = "nodes"
                return
            path: Path = (*base, ("hash", part.name))
            if form.odd_name(part.name):
                self._add((*base, ("hash_name", part.name[:64])), part.name)
            if part.filename:
                self._add((*path, ("content_disp", "filename")), part.filename)
            content = self._charset(part.content, b"charset=" + part.charset.encode("latin-1", "replace"))
            if not part.filename:
                self._add(path, text.decode(content))
            elif text.mostly_text(content):
                self._add((*path, ("file",)), text.decode(content))
            else:
                self._binary((*path, ("file",)), content)

    def _xml(self, post: Path, body: bytes) -> None:
        whole = text.decode(body)
        match = _ROOT.search(whole[:4096])
        html = match is not None and match[1].lower() in _HTML
        self._add(post if html else (*post, ("xml",)), whole, 1, structure=not html)
        parts = xml.split(_DECLARATION.sub("", whole.lstrip("\ufeff \t\r\n"), count=1).encode("utf-8", "replace"))
        if parts is None:
            self._add(post, whole)
            return
        self._parts((*post, ("xml",)), parts, 1)

    def _parts(self, base: Path, parts: list[containers.Part], depth: int) -> None:
        for part in parts:
            self._add(base + part.path, part.text, depth, part.structure)

    def _run(self) -> None:
        """Emit and decode until the work list is empty or the budget is spent."""
        work = self._work
        seen = self._seen
        budget = self.budget
        position = 0
        while position < len(work):
            path, value, depth, structure = work[position]
            position += 1
            if value in seen:
                continue
            seen.add(value)
            if not budget.spend(len(value)):
                return
            self.leaves.append(Leaf(path, value, structure))
            if not structure and _INTERESTING.search(value) is not None:
                self._decode(path, value, depth)

    def _decode(self, path: Path, value: str, depth: int) -> None:
        """Queue what the decoders and the parsers of values make of ``value``."""
        if len(value) > LARGE:
            decoded = codecs.unfold(value, self.budget)
            if decoded != value and self.budget.deeper(depth + 1):
                self._add((*path, ("percent",)), decoded, depth + 1)
            for name, unpacked in codecs.unpack(value, self.budget):
                if unpacked not in self._seen and self.budget.deeper(depth + 1):
                    self._add((*path, (name,)), unpacked, depth + 1)
            if value.lstrip()[:1] in ("{", "["):
                self._document(path, value, depth)
            return
        for decoder in codecs.DECODERS:
            if not decoder.trigger(value):
                continue
            for name, decoded in decoder.decode(value, self.budget):
                if decoded != value and decoded not in self._seen and self.budget.deeper(depth + 1):
                    self._add((*path, (name,)) if name else path, decoded, depth + 1)
        first = value.lstrip()[:1]
        if first and len(value) > 4 and (first in '{["' or (first in "qmsf" and containers.is_gql(value))):
            self._document(path, value, depth)
        elif "?" in value and "=" in value:
            match = _URL_QUERY.match(value)
            if match is not None and self.budget.deeper(depth + 1):
                for name, part in form.pairs(match[1].encode("utf-8", "replace")):
                    self._add((*path, ("get", name)), part, depth + 1)

    def _document(self, path: Path, value: str, depth: int) -> None:
        parts = containers.gql(value)
        name = "gql"
        if parts is None:
            parts = containers.json_doc(value) if value.rstrip()[-1:] in '}]"' else None
            name = "json_doc"
        if parts and self.budget.deeper(depth + 1):
            self._parts((*path, (name,)), parts, depth + 1)


def _from_ebcdic(pair: bytes) -> bytes:
    """A form's pair whose name and value are IBM037 while its delimiters are ASCII, as WebSphere and IIS read it."""
    name, mark, value = pair.partition(b"=")
    return _ascii(name) + mark + _ascii(value)


def _ascii(part: bytes) -> bytes:
    """Percent-encoded IBM037 as percent-encoded UTF-8."""
    return quote(unquote_to_bytes(part.replace(b"+", b"\x40")).decode("cp037"), safe="").encode("ascii")


_RUN = re.compile(rb"[\t\r\n\x20-\x7e]{8,}")
_HTML = frozenset(
    (
        *(
            "a",
            "abbr",
            "b",
            "base",
            "body",
            "button",
            "div",
            "embed",
            "form",
            "frameset",
            "head",
            "html",
            "iframe",
            "img",
        ),
        *(
            "input",
            "link",
            "marquee",
            "math",
            "meta",
            "object",
            "p",
            "script",
            "select",
            "span",
            "style",
            "svg",
            "table",
        ),
        *("template", "textarea", "title", "video", "audio", "x"),
    )
)
