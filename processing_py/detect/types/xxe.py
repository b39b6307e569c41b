"""XML external entities (CWE-611): document type declarations with external or parameter entities, XInclude, XSLT."""

from __future__ import annotations

import re

from processing_py.detect.value import AttackType, Signal, Value

_ENTITY = re.compile(r"<!entity\s{1,8}(?:%\s{0,8})?[\w.:#&;-]*\s{0,8}(?:%\s{0,8}\w{1,64}\s{0,8})?(?:system|public)\b")
_PARAMETER = re.compile(r"<!entity\s{1,8}%|<!entity\s{1,8}&#x25;")
_DOCTYPE = re.compile(r"<!doctype\s{1,8}[^>\[]{0,200}\b(?:system|public)\s{1,8}[\"'](?!-//w3c)")
_INTERNAL = re.compile(r"<!doctype\s{1,8}[^>\[]{0,200}\[\s{0,8}(?:<!|%)")
_INCLUDE = re.compile(
    r"<xi:include\b|xmlns:\w{1,64}\s{0,8}=\s{0,8}[\"']http://www\.w3\.org/2001/xinclude|<xsl:(?:include|import|value-of\s{1,8}select\s{0,8}=\s{0,8}[\"'](?:system|php|document))|<\?xml-stylesheet[^>]{0,200}href"
)
_PROLOG = re.compile(
    r"schemalocation\s{0,8}=\s{0,8}[\"'][^\"']{0,200}\s{0,8}(?:https?|ftp|file)://(?!www\.w3\.org)[^\"']{0,200}\.(?:burp|oast|interact)"
)
_TARGET = re.compile(
    r"(?:system|public)\s{1,8}[^>]{0,120}(?:file:|php:|expect:|https?:|ftp:|gopher:|jar:|netdoc:|/etc/|c:/|\\\\|data:)"
)
_NESTED = re.compile(r"<!entity\s{1,8}\w{1,64}\s{1,8}[\"'](?:&\w{1,64};){2,}|(?:<!entity\s[^>]{0,400}>\s{0,8}){4,}")


def confirm(value: Value) -> list[Signal]:
    """Signals of hostile declarations in ``value``."""
    signals: list[Signal] = []
    for name, pattern in (("entity", _ENTITY), ("parameter", _PARAMETER), ("doctype", _DOCTYPE), ("internal", _INTERNAL), ("include", _INCLUDE),
                          ("location", _PROLOG), ("target", _TARGET), ("nested", _NESTED)):  # fmt: skip
        match = pattern.search(value.lower)
        if match is not None:
            signals.append(Signal(name, match[0]))
    return signals


TYPE = AttackType(
    code="xxe",
    literals=("<!entity", "<!doctype", "xinclude", "xi:include", "<xsl:", "xml-stylesheet", "schemalocation"),
    confirm=confirm,
    weights={"entity": 5.0, "parameter": 4.5, "doctype": 4.2, "internal": 4.2, "include": 4.5, "location": 4.5, "target": 1.0, "nested": 4.5},
    structure=True,
)  # fmt: skip
