"""Server-side template and expression injection (CWE-94, CWE-1336): delimiters of template engines around expressions."""

from __future__ import annotations

import re

from processing_py.detect.near import follows
from processing_py.detect.value import AttackType, Signal, Value

_OPERAND = r"(?:['\"]?\w{1,12}['\"]?)"
_ARITHMETIC = re.compile(
    rf"(?:\{{\{{|\$\{{|#\{{|@\(|<%=?|\*\{{|~\{{|\[\[|\{{%|@\{{|\[=|\{{=|\$\(|\{{)\s{{0,8}}=?\s{{0,8}}(?:T\()?\(?{_OPERAND}\s{{0,8}}[*+/-]\s{{0,8}}{_OPERAND}\)?\s{{0,8}}(?:\}}\}}|\}}|\)|%>|\]\]|%\}})"
)
_PROBE = re.compile(
    r"\$\{\{<%|<%\s{0,8}[%'\"]|\{\{\s{0,8}[\"'\d]\w{0,64}[\"']?\s{0,8}(?:\*|\.|\|)|\{\{\s{0,8}\d{1,32}\s{0,8}\}\}|\{php\}|\{literal\}|\{system\(|\{\$smarty|\{if\s{1,8}\w{1,64}\(|\{\{=|\{\{#with|\{\{!--"
)
_OPENING = re.compile(r"\{\{|\{%|\$\{|#\{|<%|@\(|\*\{|#set\s{0,4}\(|<#")
_OBJECT = re.compile(
    r"(?:__\w{1,64}__|config\b|self\b|request\b|_self\b|class\b|dump\(|app\.|constructor|cycler|lipsum|joiner|namespace|settings|forloop|session|application|system\(|exec\(|"
    r"runtime|process|file\(|open\(|read\(|getclass|\bt\(|new\(|tostring|touppercase|tolower|upper|lower|range\(|map\(|filter\(|eval|print|env\b|this\b|lookup|string|import|popen|dir\.|%x|`|\?new|\?api|param\b|out\.|java|response)"
)
REACH = 200
"""Characters between a delimiter and an object's name."""
_DELIMITED = re.compile(
    r"\{\{[^{}]{1,400}\}\}|\$\{[^{}]{1,400}\}|#\{[^{}]{1,400}\}|<%[^%]{1,400}%>|\{%[^%]{1,400}%\}|@\([^)]{1,200}\)|\*\{[^{}]{1,200}\}"
)
_DIRECTIVE = re.compile(
    r"<#(?:assign|list|if|include|import|function|macro)\b|#(?:set|foreach|evaluate|parse|include)\s{0,8}\(|\{%-?\s{0,8}(?:for|if|set|import|include|macro|debug|autoescape)\b|<%@|@\{\s{0,8}\w|@(?:model|using|code|html)\b.{0,10}[({]|\[#|\?new\(\)|\$\w{1,64}\.class\.|\.inspect\(|\$class\."
)
_DUNDER = re.compile(r"__(?:class|mro|subclasses|globals|builtins|init|base|bases|import|getitem|dict)__")
_SPEL = re.compile(
    r"\bt\(\s{0,8}java\.|new\s{1,8}java\.|\.getclass\(|#this\b|@\w{1,64}@\w{1,64}|#parameters|%\{[^}%]{0,200}(?:#|@|\d\s{0,8}[*+-]\s{0,8}\d)|\$\{(?:@|t\(|#|\d{1,32}\s{0,8}[*+-]\s{0,8}\d{1,32}|application|class\b|pagecontext|param\b|facescontext)"
)
_WHOLE = re.compile(r"^\W{0,6}(?:\{\{.*\}\}|\$\{.*\}|#\{.*\}|<%.*%>|\{%.*%\}|@\(.*\)|\*\{.*\})\W{0,6}$", re.DOTALL)
_TOOL = re.compile(
    r"\{\{-?\s{0,8}(?:\.\w|\$\.|include\s|template\s|end\b|range\s|if\s|toyaml|with\s)|\$\{\{\s{0,8}(?:github|secrets|env|inputs|needs|matrix|steps)\.|\{\{\s{0,8}(?:interactsh|baseurl|hostname)|\$\{(?:[a-z][a-z0-9_]*)(?::?-[^}]*)?\}$"
)


def confirm(value: Value) -> list[Signal]:
    """Signals of template expressions in ``value``."""
    text = value.lower
    signals: list[Signal] = []
    for name, pattern in (
        ("arithmetic", _ARITHMETIC), ("probe", _PROBE), ("delimited", _DELIMITED), ("directive", _DIRECTIVE),
        ("dunder", _DUNDER), ("spel", _SPEL), ("whole", _WHOLE), ("tooling", _TOOL),
    ):  # fmt: skip
        match = pattern.search(text)
        if match is not None:
            signals.append(Signal(name, match[0]))
    named = follows(_OPENING, _OBJECT, text, REACH)
    if named is not None:
        signals.append(Signal("object", text[named[0] : named[1]]))
    return signals


TYPE = AttackType(
    code="ssti",
    literals=("{{", "${", "#{", "<%", "{%", "*{", "@(", "@{", "<#", "#set", "#foreach", "#evaluate", "__class", "__globals", "__mro", "{php", "{literal", "{system", "%{", "[[", "t(java", ".getclass", "[#", "$class", "{=", "{$smarty", "{1", "{7", "{2"),
    confirm=confirm,
    weights={"arithmetic": 4.5, "probe": 3.0, "object": 3.0, "delimited": 1.0, "directive": 2.5, "dunder": 4.0, "spel": 3.0, "whole": 0.8, "tooling": -3.0},
)  # fmt: skip
