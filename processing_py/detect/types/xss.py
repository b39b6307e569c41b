"""Cross-site scripting (CWE-79): markup that runs script, attributes that leave their quotes, script expressions."""

from __future__ import annotations

import re

from processing_py.detect.value import PROSE_LENGTH, AttackType, Signal, Value

_TAGS = (
    "script|iframe|object|embed|applet|svg|math|base|meta|link|style|form|isindex|frameset|frame|layer|ilayer|bgsound|xml|"
    "template|noscript|textarea|marquee|portal|import|set|animate\\w*|xss|xmp|foreignobject"
)
_HANDLER = re.compile(r"<[^\s>][^>]{0,300}?[\s/\"'`\x00-\x20%]on[a-z]{3,40}[\s\x00-\x20/]*=")
_LOOSE_HANDLER = re.compile(r"(?:^|[\s/\"'`>;\x00-\x20])on[a-z]{3,40}\s*=\s*[\"'`]?\s*[a-z_$({\[!+~&\\]")
_KNOWN = re.compile(
    r"(?:^|[^a-z])on(?:abort|activate|after\w{3,20}|animation\w+|auxclick|before\w{3,20}|begin|blur|bounce|can\w+|cellchange|change|click|close|"
    r"content\w+|contextmenu|controlselect|copy|cue\w+|cut|data\w+|dblclick|deactivate|drag\w*|drop|durationchange|emptied|end|ended|error\w*|filterchange|"
    r"finish|focus\w*|form\w*|fullscreen\w*|gesture\w+|got\w+|hashchange|help|input|invalid|key\w+|layoutcomplete|load\w*|losecapture|lost\w+|media\w*|message|mouse\w+|"
    r"moz\w+|move\w*|ms\w+|offline|online|orientation\w*|outofsync|page\w+|paste|pause|play\w*|pointer\w+|popstate|progress|propertychange|ratechange|readystatechange|"
    r"repeat|reset|resize\w*|resume|reverse|row\w*|scroll\w*|search|seek\w+|select\w*|show|slotchange|stalled|start|stop|storage|submit|suspend|syncrestored|time\w*|toggle|"
    r"touch\w+|track\w*|transition\w+|un\w+|urlflip|volumechange|waiting|webkit\w+|wheel|zoom|webkit\w*)[\s\x00/]*(?:=|$)"
)
_TAG = re.compile(rf"<[\s\x00-\x20/]*(?:{_TAGS})(?=[\s/>\x00-\x20\"'=:;(]|$)")
_ANY_TAG = re.compile(r"<[/!?%]?[a-z][^>]{0,200}(?:>|$|\s)")
_PROTOCOL = re.compile(
    r"(?:j\s*a\s*v\s*a|v\s*b|l\s*i\s*v\s*e|m\s*o\s*c\s*h\s*a)\s*(?:s\s*c\s*r\s*i\s*p\s*t|script)\s*:(?!\s*(?:basics|void\(0\);?$|;?$|\s[a-z]))"
)
_BARE_PROTOCOL = re.compile(r"^[\s\"']*(?:java|vb|live)script\s*:\s*(?!void\(0\);?\s*$)\S")
_DATA = re.compile(
    r"data\s*:\s*(?:text/(?:html|javascript|xml)|image/svg|application/(?:xhtml|x-javascript)|[^,\s]{0,40};base64,pht|[^,\s]{0,40},\s*<)"
)
_CALL = re.compile(
    r"(?:^|[^\w.])(?:alert|confirm|prompt|print|eval|settimeout|setinterval|setimmediate|atob|btoa|execscript|expression|fetch|import|unescape|"
    r"(?:window|self|top|parent|this|globalthis|frames|document|content)\s*(?:\.\s*\w+|\[[^\]]{1,200}\])+)\s*(?:\(|`|\?\.\()"
    r"|(?:alert|confirm|prompt|eval)\)?[\[(`]|\((?:alert|confirm|prompt|print|eval)\)|[=,:>]\s*(?:alert|confirm|prompt|eval|print)\b(?!\s*\w)"
)
_OBJECT = re.compile(
    r"document\s*\.\s*(?:cookie|domain|write\w*|location|body|url|referrer)|document\s*\[|(?:window|self|top|parent|this|globalthis|frames)\s*\["
    r"|string\.fromcharcode|(?:window|document|self|top)\.location|location\s*(?:\.\w+\s*)?=\s*['\"`]?\s*(?:javascript|//|http|name|\w+\()|\.innerhtml|\.outerhtml|localstorage|constructor\s*(?:\.|\[\W?)\s*['\"]?constructor"
    r"|\[['\"]?\w{0,20}['\"]?\]\s*\[['\"]?(?:constructor|\w+)['\"]?\]\(|xmlhttprequest|new\s+function\s*\(|function\s*\(\)\s*\{|onerror\s*=|throw\s+\w|\.source\b.{0,40}\.source|\.call\(|\.apply\(|\)\(\)"
)
_SURE_CALL = re.compile(
    r"(?:^|[^\w])\(?(?:alert|confirm|prompt)\)?(?:\?\.)?(?:\(|`|\.(?:call|apply|bind)\b)|[(,]\s*(?:alert|confirm|prompt)\s*[),`]|\.(?:map|some|find|foreach|every|filter|with)\(\s*(?:0,\s*)?(?:alert|confirm|prompt|eval|print)\b"
    r"|(?:this|window|self|top|parent|globalthis|frames|document)\s*\[.{1,400}?\]\s*(?:\(|\[)|document\s*(?:\?\.|\.|\[)\s*['\"]?(?:cookie|domain)|\beval\(\s*(?:location|name|atob|string|unescape|url)"
)
_SCRIPT = re.compile(r"<\s*/?\s*script(?:[\s>/:;]|$)")
_BREAKOUT = re.compile(r"^[^<>]{0,80}[\"'`][\s/]*(?:>|[-+*;,|&)\]}]{1,4}\s*[\w$(\[]|\s+[a-z-]{2,30}\s*=)")
_CHAIN = re.compile(r"(?:\[\]|!\[\]|\+\[\]|\(!\[\]|\{\}\+|!!\[\]|\+!\+\[\]){3,}|(?:\[[^\]]{1,20}\]\+){4,}")
_CSS = re.compile(
    r"(?:expression\s*\(|-moz-binding|behaviou?r\s*:\s*url|@import\s*['\"\\(u]|(?:background|list-style)[^;]{0,30}url\s*\(\s*['\"]?\s*(?:javascript|data))"
)
_TEMPLATE_LITERAL = re.compile(r"\$\{\s*(?:alert|confirm|prompt|eval|document|window)")
_MARKUP_SOURCE = re.compile(
    r"<[^>]{1,400}[\s/\"']+(?:href|src|action|formaction|data|xlink:href|to|from|values|srcdoc|code|background|dynsrc|lowsrc|poster|content)\s*=\s*[\"'`]?[\s\x00-\x20]*(?:&\w+;|[\x00-\x20])*(?:javascript|vbscript|data:|livescript|jav\w*)"
)
_EXTERNAL = re.compile(
    r"<\s*(?:script|iframe|embed|object|link|base|img|image|input|audio|video)[^>]{0,400}\s(?:src|data|href|srcdoc)\s*="
)
_CLOSER = re.compile(r"</\s*(?:script|title|textarea|style|noscript|iframe|template|noembed|xmp|select|math|svg)")
_IMPORT_META = re.compile(
    r"<\s*meta[^>]{0,200}(?:http-equiv|charset\s*=\s*[\"']?utf-7)|<\s*\?\s*(?:import|php)|<!\[cdata\[|<!--.{0,40}(?:-->|>).{0,10}<|<\?xml-stylesheet|<!entity|<%[^>]{0,20}<"
)
_CODE_TAG = re.compile(
    r"<(?:script|style|svg)[\s>/][^<]{0,2000}(?:alert|confirm|prompt|eval|document|window|location|import|src|\(|=|<|&#|:)"
)
_STRIP = re.compile(r"[\x00\xad\u200b-\u200f\u2028-\u202e\ufeff]")
_INNER_WHITE = re.compile(r"(?<=[a-z])[\t\r\n]+(?=[a-z:])")

_RULES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("handler", _HANDLER), ("tag", _TAG), ("any_tag", _ANY_TAG), ("call", _CALL), ("object", _OBJECT), ("css", _CSS),
    ("protocol", _PROTOCOL), ("bare_protocol", _BARE_PROTOCOL), ("data", _DATA), ("source", _MARKUP_SOURCE), ("external", _EXTERNAL),
    ("known_handler", _KNOWN), ("loose_handler", _LOOSE_HANDLER), ("breakout", _BREAKOUT), ("chain", _CHAIN),
    ("sure_call", _SURE_CALL), ("script", _SCRIPT), ("template", _TEMPLATE_LITERAL), ("closer", _CLOSER), ("meta", _IMPORT_META), ("code_tag", _CODE_TAG),
)  # fmt: skip
_JOINED = frozenset(("protocol", "bare_protocol", "source", "data"))
_PROSE = re.compile(r"(?:\b[a-z]{2,20}[,.]? ){5,}")


def confirm(value: Value) -> list[Signal]:
    """Signals of script in ``value``."""
    text = joined = value.lower
    if not text.isprintable():
        text = _STRIP.sub("", text)
        joined = _INNER_WHITE.sub("", text)
    signals: list[Signal] = []
    for name, pattern in _RULES:
        read = joined if name in _JOINED else text
        match = pattern.search(read)
        if match is not None:
            start = max(0, match.start() - 10)
            signals.append(Signal(name, read[start : match.end() + 60]))
    if signals and len(text) < PROSE_LENGTH and _PROSE.search(text) is not None:
        signals.append(Signal("prose", ""))
    return signals


TYPE = AttackType(
    code="xss",
    literals=(
        "<script", "<", "script", "alert", "confirm", "prompt", "eval", "document", "window", "location", "onerror", "onload",
        "onclick", "onmouse", "onfocus", "expression", "fromcharcode", "constructor", "-moz-", "behavior", "@import", "data:",
        "settimeout", "setinterval", "globalthis", "this[", "self[", "top[", "parent[", "frames[", "[]", "function(", "print(",
        "innerhtml", "onbegin", "onend", "onstart", "onanim", "ontrans", "onpoint", "onbefore", "onafter", "ontoggle", "onscroll",
        "onkey", "ondrag", "onresize", "onwheel", "oncopy", "oncut", "onpaste", "onblur", "oninput", "onchange", "onsubmit",
        "onunload", "onhash", "onpage", "onpop", "onmessage", "onplay", "onplaying", "onseek", "onselect", "onsearch", "ontouch",
        "onshow", "onreset", "onready", "onprop", "onfinish", "onbounce", "onauxclick", "oncontext", "ondblclick", "onactivate",
        "fetch(", ".call(", ".map(", ".some(", "import(", "throw", "new function", ")()", ".source", "atob",
    ),
    confirm=confirm,
    weights={
        "handler": 5.0, "tag": 3.0, "any_tag": 0.8, "call": 2.6, "object": 1.8, "css": 3.0, "protocol": 3.0, "bare_protocol": 2.5,
        "data": 2.0, "source": 4.0, "external": 2.5, "known_handler": 3.2, "loose_handler": 1.5, "breakout": 1.5, "chain": 4.5,
        "template": 2.5, "closer": 2.0, "meta": 2.5, "code_tag": 2.5, "sure_call": 4.3, "script": 1.5, "prose": -2.5,
    },
)  # fmt: skip
