"""Cross-site scripting (CWE-79): markup that runs script, attributes that leave their quotes, script expressions."""

from __future__ import annotations

import re

from processing_py.detect.value import AttackType, Signal, Value

_TAGS = (
    "script|iframe|object|embed|applet|svg|math|base|meta|link|style|form|isindex|frameset|frame|layer|ilayer|bgsound|xml|"
    "template|noscript|textarea|marquee|portal|import|set|animate\\w*|xss|xmp|foreignobject"
)
_HANDLER = re.compile(r"<[^\s>][^>]{0,300}?[\s/\"'`\x00-\x20%]on[a-z]{3,40}[\s\x00-\x20/]{0,16}=")
_LOOSE_HANDLER = re.compile(r"(?:^|[\s/\"'`>;\x00-\x20])on[a-z]{3,40}\s{0,8}=\s{0,8}[\"'`]?\s{0,8}[a-z_$({\[!+~&\\]")
_KNOWN = re.compile(
    r"(?:^|[^a-z])on(?:abort|activate|after\w{3,20}|animation\w{1,64}|auxclick|before\w{3,20}|begin|blur|bounce|can\w{1,64}|cellchange|change|click|close|"
    r"content\w{1,64}|contextmenu|controlselect|copy|cue\w{1,64}|cut|data\w{1,64}|dblclick|deactivate|drag\w{0,64}|drop|durationchange|emptied|end|ended|error\w{0,64}|filterchange|"
    r"finish|focus\w{0,64}|form\w{0,64}|fullscreen\w{0,64}|gesture\w{1,64}|got\w{1,64}|hashchange|help|input|invalid|key\w{1,64}|layoutcomplete|load\w{0,64}|losecapture|lost\w{1,64}|media\w{0,64}|message|mouse\w{1,64}|"
    r"moz\w{1,64}|move\w{0,64}|ms\w{1,64}|offline|online|orientation\w{0,64}|outofsync|page\w{1,64}|paste|pause|play\w{0,64}|pointer\w{1,64}|popstate|progress|propertychange|ratechange|readystatechange|"
    r"repeat|reset|resize\w{0,64}|resume|reverse|row\w{0,64}|scroll\w{0,64}|search|seek\w{1,64}|select\w{0,64}|show|slotchange|stalled|start|stop|storage|submit|suspend|syncrestored|time\w{0,64}|toggle|"
    r"touch\w{1,64}|track\w{0,64}|transition\w{1,64}|un\w{1,64}|urlflip|volumechange|waiting|webkit\w{1,64}|wheel|zoom|webkit\w{0,64})[\s\x00/]*(?:=|$)"
)
_TAG = re.compile(rf"<[\s\x00-\x20/]{{0,16}}(?:{_TAGS})(?=[\s/>\x00-\x20\"'=:;(]|$)")
_ANY_TAG = re.compile(r"<[/!?%]?[a-z][^>]{0,200}(?:>|$|\s)")
_PROTOCOL = re.compile(
    r"(?:j\s{0,8}a\s{0,8}v\s{0,8}a|v\s{0,8}b|l\s{0,8}i\s{0,8}v\s{0,8}e|m\s{0,8}o\s{0,8}c\s{0,8}h\s{0,8}a)\s{0,8}(?:s\s{0,8}c\s{0,8}r\s{0,8}i\s{0,8}p\s{0,8}t|script)\s{0,8}:(?!\s{0,8}(?:basics|void\(0\);?$|;?$|\s[a-z]))"
)
_BARE_PROTOCOL = re.compile(r"^[\s\"']*(?:java|vb|live)script\s{0,8}:\s{0,8}(?!void\(0\);?\s{0,8}$)\S")
_DATA = re.compile(
    r"data\s{0,8}:\s{0,8}(?:text/(?:html|javascript|xml)|image/svg|application/(?:xhtml|x-javascript)|[^,\s]{0,40};base64,pht|[^,\s]{0,40},\s{0,8}<)"
)
_CALL = re.compile(
    r"(?:^|[^\w.])(?:alert|confirm|prompt|print|eval|settimeout|setinterval|setimmediate|atob|btoa|execscript|expression|fetch|import|unescape|"
    r"(?:window|self|top|parent|this|globalthis|frames|document|content)\s{0,8}(?:\.\s{0,8}\w{1,64}|\[[^\]]{1,200}\])+)\s{0,8}(?:\(|`|\?\.\()"
    r"|(?:alert|confirm|prompt|eval)\)?[\[(`]|\((?:alert|confirm|prompt|print|eval)\)|[=,:>]\s{0,8}(?:alert|confirm|prompt|eval|print)\b(?!\s{0,8}\w)"
)
_OBJECT = re.compile(
    r"document\s{0,8}\.\s{0,8}(?:cookie|domain|write\w{0,64}|location|body|url|referrer)|document\s{0,8}\[|(?:window|self|top|parent|this|globalthis|frames)\s{0,8}\["
    r"|string\.fromcharcode|(?:window|document|self|top)\.location|location\s{0,8}(?:\.\w{1,64}\s{0,8})?=\s{0,8}['\"`]?\s{0,8}(?:javascript|//|http|name|\w{1,64}\()|\.innerhtml|\.outerhtml|localstorage|constructor\s{0,8}(?:\.|\[\W?)\s{0,8}['\"]?constructor"
    r"|\[['\"]?\w{0,20}['\"]?\]\s{0,8}\[['\"]?(?:constructor|\w{1,64})['\"]?\]\(|xmlhttprequest|new\s{1,8}function\s{0,8}\(|function\s{0,8}\(\)\s{0,8}\{|onerror\s{0,8}=|throw\s{1,8}\w|\.source\b.{0,40}\.source|\.call\(|\.apply\(|\)\(\)"
)
_SURE_CALL = re.compile(
    r"(?:^|[^\w])\(?(?:alert|confirm|prompt)\)?(?:\?\.)?(?:\(|`|\.(?:call|apply|bind)\b)|[(,]\s{0,8}(?:alert|confirm|prompt)\s{0,8}[),`]|\.(?:map|some|find|foreach|every|filter|with)\(\s{0,8}(?:0,\s{0,8})?(?:alert|confirm|prompt|eval|print)\b"
    r"|(?:this|window|self|top|parent|globalthis|frames|document)\s{0,8}\[.{1,400}?\]\s{0,8}(?:\(|\[)|document\s{0,8}(?:\?\.|\.|\[)\s{0,8}['\"]?(?:cookie|domain)|\beval\(\s{0,8}(?:location|name|atob|string|unescape|url)"
)
_SCRIPT = re.compile(r"<\s{0,8}/?\s{0,8}script(?:[\s>/:;]|$)")
_BREAKOUT = re.compile(r"^[^<>]{0,80}[\"'`][\s/]*(?:>|[-+*;,|&)\]}]{1,4}\s{0,8}[\w$(\[]|\s{1,8}[a-z-]{2,30}\s{0,8}=)")
_CHAIN = re.compile(r"(?:\[\]|!\[\]|\+\[\]|\(!\[\]|\{\}\+|!!\[\]|\+!\+\[\]){3,}|(?:\[[^\]]{1,20}\]\+){4,}")
_CSS = re.compile(
    r"(?:expression\s{0,8}\(|-moz-binding|behaviou?r\s{0,8}:\s{0,8}url|@import\s{0,8}['\"\\(u]|(?:background|list-style)[^;]{0,30}url\s{0,8}\(\s{0,8}['\"]?\s{0,8}(?:javascript|data))"
)
_TEMPLATE_LITERAL = re.compile(r"\$\{\s{0,8}(?:alert|confirm|prompt|eval|document|window)")
_MARKUP_SOURCE = re.compile(
    r"<[^>]{1,400}[\s/\"']+(?:href|src|action|formaction|data|xlink:href|to|from|values|srcdoc|code|background|dynsrc|lowsrc|poster|content)\s{0,8}=\s{0,8}[\"'`]?[\s\x00-\x20]*(?:&\w{1,64};|[\x00-\x20])*(?:javascript|vbscript|data:|livescript|jav\w{0,64})"
)
_EXTERNAL = re.compile(
    r"<\s{0,8}(?:script|iframe|embed|object|link|base|img|image|input|audio|video)[^>]{0,400}\s(?:src|data|href|srcdoc)\s{0,8}="
)
_CLOSER = re.compile(r"</\s{0,8}(?:script|title|textarea|style|noscript|iframe|template|noembed|xmp|select|math|svg)")
_IMPORT_META = re.compile(
    r"<\s{0,8}meta[^>]{0,200}(?:http-equiv|charset\s{0,8}=\s{0,8}[\"']?utf-7)|<\s{0,8}\?\s{0,8}(?:import|php)|<!\[cdata\[|<!--.{0,40}(?:-->|>).{0,10}<|<\?xml-stylesheet|<!entity|<%[^>]{0,20}<"
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
    if signals and value.short and _PROSE.search(text) is not None:
        signals.append(Signal("prose", ""))
    return signals


_TRIGGERS = (
    r"script[\s\x00-\x20]*[:>/=(]",
    r"(?:window|document)\s*[.\[?)]",
    r"[=({,:]\s*(?:window|document)",
)

TYPE = AttackType(
    code="xss",
    literals=(
        "<script", "<", "alert", "confirm", "prompt", "eval", "location", "onerror", "onload",
        "onclick", "onmouse", "onfocus", "expression", "fromcharcode", "constructor", "-moz-", "behavior", "@import", "data:",
        "settimeout", "setinterval", "globalthis", "this[", "self[", "top[", "parent[", "frames[", "[]", "function(", "print(",
        "innerhtml", "onbegin", "onend", "onstart", "onanim", "ontrans", "onpoint", "onbefore", "onafter", "ontoggle", "onscroll",
        "onkey", "ondrag", "onresize", "onwheel", "oncopy", "oncut", "onpaste", "onblur", "oninput", "onchange", "onsubmit",
        "onunload", "onhash", "onpage", "onpop", "onmessage", "onplay", "onplaying", "onseek", "onselect", "onsearch", "ontouch",
        "onshow", "onreset", "onready", "onprop", "onfinish", "onbounce", "onauxclick", "oncontext", "ondblclick", "onactivate",
        "fetch(", ".call(", ".map(", ".some(", "import(", "throw", "new function", ")()", ".source", "atob",
    ),
    confirm=confirm,
    triggers=_TRIGGERS,
    weights={
        "handler": 5.0, "tag": 3.0, "any_tag": 0.8, "call": 2.6, "object": 1.8, "css": 3.0, "protocol": 3.0, "bare_protocol": 2.5,
        "data": 2.0, "source": 4.0, "external": 2.5, "known_handler": 3.2, "loose_handler": 1.5, "breakout": 1.5, "chain": 4.5,
        "template": 2.5, "closer": 2.0, "meta": 2.5, "code_tag": 2.5, "sure_call": 4.3, "script": 1.5, "prose": -2.5,
    },
)  # fmt: skip
