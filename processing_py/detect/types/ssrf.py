"""Server-side request forgery (CWE-918): URLs in values that lead inside: loopback, private, metadata, odd schemes."""

from __future__ import annotations

import re

from processing_py.detect.value import AttackType, Signal, Value

_SCHEME = re.compile(
    r"(?:^|[=\"'(\s@])(?:gopher|dict|ldaps?|tftp|sftp|netdoc|jar|rmi|smb|ssh2|local_file|unix|url:file|imap|fd):/{0,2}[\w\[\\%]"
)
_METADATA = re.compile(
    r"169\.254\.169\.254|metadata\.google\.internal|metadata\.(?:azure|packet|tencentyun|nicecloud)|100\.100\.100\.200|192\.0\.0\.192|latest/(?:meta-data|user-data|dynamic)|instance-data|computemetadata/v1|"
    r"opc/v1/instance|169\.254\.170\.2|2852039166|0xa9fea9fe|\[?::ffff:a9fe:a9fe|fd00:ec2::254|rancher-metadata|0251\.0376|\b(?:425\.510\.425\.510)"
)
_WHOLE_URL = re.compile(
    r"^\s{0,8}[\"']?(?:https?|ftp|wss?|file)?:?(?://|\\\\){1,2}(?:[^/@\s]{0,60}@)?(?P<host>\[[0-9a-f:.%]{2,60}\]|[^/?#\\\s:@]{1,255})(?::(?P<port>\d{0,5}))?(?P<rest>[/?#\\].*)?$"
)
_INNER = re.compile(
    r"^(?:localhost|localhost\.localdomain|127\.\d[\d.]*|0(?:\.0\.0\.0)?|0x[0-9a-f]{1,8}(?:\.0x[0-9a-f]{1,8}){0,3}|0\d{1,11}(?:\.0?\d{1,11}){0,3}|\d{8,10}|"
    r"10(?:\.\d{1,3}){3}|192\.168(?:\.\d{1,3}){2}|172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2}|\[::\]?|\[::1\]|\[0*:.*:1\]|\[::ffff:.*\]|\[fd.*\]|\[fe80.*\]|127\.\d{1,32}|"
    r".*(?:nip\.io|xip\.io|sslip\.io|localtest\.me|lvh\.me|burpcollaborator\.net|oast\.\w{1,64}|interact\.sh|oastify\.com|dnslog\.cn|ceye\.io|vcap\.me|spoofed\.\w{1,64}\.\w{1,64}|bugbounty\.dod\.network)|kubernetes\.default.*|[①-⑿ⓐ-ⓩ].*)$"
)
_PARAMETER = re.compile(
    r"(?:url|uri|link|src|source|target|dest|redirect|host|proxy|callback|webhook|feed|fetch|image|file|page|path|load|site|domain|next|to|out|view|dir|show|open|u|q|p)\w{0,64}$"
)
_CONFUSED = re.compile(r"^https?:/{1,3}[^/\s]{1,80}(?:#@|\\@|%23@|&@|@\S{1,60}@|:\d{1,5}@|%0[ad]|\s)[^\s]{1,80}")


def confirm(value: Value) -> list[Signal]:
    """Signals of a forged request in ``value``."""
    text = value.lower
    signals: list[Signal] = []
    if value.header in ("HOST", "ORIGIN", "REFERER") and len(value.leaf.path) == 1:
        return signals
    for name, pattern in (("scheme", _SCHEME), ("metadata", _METADATA), ("confused", _CONFUSED)):
        match = pattern.search(text)
        if match is not None:
            signals.append(Signal(name, match[0]))
    whole = _WHOLE_URL.match(text)
    if whole is not None:
        if _INNER.match(whole["host"]):
            signals.append(Signal("inner_host", text))
            if whole["port"] or whole["host"][:1].isdigit() or whole["host"][:1] == "[":
                signals.append(Signal("inner_port", text))
        if signals and _PARAMETER.search(str(value.leaf.path[-1][-1]).lower()):
            signals.append(Signal("url_parameter", text))
    return signals


_TRIGGERS = (r"(?://|\\\\)(?:[^/@\s]{0,60}@)?(?:localhost|\d|\[|\?)",)

TYPE = AttackType(
    code="ssrf",
    literals=(
        "gopher:", "url:file", "dict:", "ldap:", "ldaps:", "tftp:", "sftp:", "netdoc:", "jar:", "rmi:", "smb:", "local_file", "169.254", "metadata", "meta-data", "100.100.100", "user-data", "instance-data",
        "localhost", "127.", "//10.", "192.168", "//172.", "[::", "0x7f", "0xa9", "2130706433", "2852039166", "//[", "nip.io", "xip.io", "localtest", "collaborator", "oast", "interact.sh", "imap:", "computemetadata", "\\@", "#@", "unix:", "localdomain",
        "burpcol", "kubernetes.default", "lvh.me",
    ),
    confirm=confirm,
    triggers=_TRIGGERS,
    weights={"scheme": 4.5, "metadata": 4.5, "confused": 1.5, "inner_host": 3.6, "inner_port": 0.6, "url_parameter": 0.6},
)  # fmt: skip
