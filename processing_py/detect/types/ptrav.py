"""Path traversal (CWE-22): runs of dot-like and separator-like characters, and the files they lead to.

Encodings are not decoded one by one: whatever stands for a dot or a separator in any of them (overlong UTF-8, broken
percent triplets, ``0x2f``, ``%u2215``, best-fit characters) is counted by shape, because a traversal repeats one unit.
"""

from __future__ import annotations

import re

from processing_py.detect.value import AttackType, Signal, Value

_SEPARATOR = r"(?>[/\\]|%?u[0-9a-f]{4}|%\w%\w|%(?!passw|shado|group|hosts|issue)[0-9a-z]{2}|0x[0-9a-f]{2}|[25][cf]|[^\w\s.-]|[\x00-\x1f\x7f-\uffff])"
"""Atomic and longest first: units that could be read in two ways would cost time exponential in their number."""
_ROOTED = (
    r"passwd|shadow|group|hosts|issue|hostname|fstab|crontab|profile|resolv\.conf|motd|sudoers|environment|mysql|"
    r"master\.passwd|apache2?|httpd|nginx|php\.ini|my\.cnf|ssh|redhat-release|os-release|lsb-release|release|proftpd|"
    r"protpd|vsftpd\w{0,64}|init\.d|rc\.conf|samba|exports|inetd\.conf|syslog\.conf|network|php\d?|openldap|pure-ftpd|"
    r"[\w-]+\.conf|chrootusers|ftp\w{0,64}|logrotate\S{0,128}|security|snmp|lighttpd|sysconfig|cron\S{0,128}|printcap|aliases|at\.\w{1,64}|bashrc|inittab|"
    r"termcap|shells|services|rpc|mtab|modules\.conf|lilo\.conf|ld\.so\.conf|login\.defs|wu-ftpd|phpmyadmin|updatedb\.conf|"
    r"squirrelmail|psa|gshadow|csh\.\w{1,64}|dovecot|postfix|exim\d?|vhcs2|stunnel|netconfig"
)
_FILES = re.compile(
    rf"(?:^|[^a-z]|%[0-9a-z]{{2}}|0x2f|0x5c|u[0-9a-f]{{4}}|%q?f|\b)"
    rf"(?P<hit>etc{_SEPARATOR}{{1,12}}(?:{_ROOTED})\b"
    rf"|boot\.ini|logs?{_SEPARATOR}{{1,4}}(?:access|error)[._]log|(?<![a-z])win\.ini|system\.ini|ntuser\.dat|autoexec\.bat"
    rf"|(?:windows|winnt){_SEPARATOR}{{1,12}}(?:system32|system|repair|win\.ini|php\.ini|panther|debug|sysprep|"
    rf"temp|explorer\.exe|system\.ini|my\.ini|iis\w{{0,64}}|\w{{1,64}}\.(?:ini|log|exe|dat))"
    rf"|system32{_SEPARATOR}{{1,12}}(?:drivers|config|cmd\.exe|inetsrv|\w{{1,64}}\.exe)"
    rf"|proc{_SEPARATOR}{{1,4}}(?:self|version|cpuinfo|meminfo|mounts|net|\d{{1,32}}|cmdline|sched_debug){_SEPARATOR}?"
    rf"|web-inf{_SEPARATOR}{{0,4}}|meta-inf{_SEPARATOR}|\.htpasswd|\.htaccess|\.bash_history|\.mysql_history"
    rf"|\.ssh{_SEPARATOR}|id_rsa|authorized_keys|\.git{_SEPARATOR}(?:config|head|index)|\.svn{_SEPARATOR}entries"
    rf"|\.env$|wp-config\.php|\.aws{_SEPARATOR}credentials|\.docker{_SEPARATOR}config|sam$"
    rf"|var{_SEPARATOR}{{1,12}}(?:log|mail|spool|lib|run|adm|apache|cron|www){_SEPARATOR}"
    rf"|usr{_SEPARATOR}{{1,12}}(?:local{_SEPARATOR}{{1,12}}(?:apache\d?|etc|php\d?|www|pureftpd|cpanel|psa|zeus|nginx)|lib{_SEPARATOR}{{1,12}}(?:php|security|rpm|cron)|pkgsrc|ports|share{_SEPARATOR}{{1,12}}\w{{1,64}}{_SEPARATOR})"
    rf"|(?:opt|volumes|apache\d?|xampp|wamp\d{{0,32}}|mysql|php\d?|inetpub|program files(?: \(x86\))?|progra~1|applicationserver){_SEPARATOR}{{1,12}}[\w. ~-]{{2,40}}{_SEPARATOR}"
    rf"|root{_SEPARATOR}{{1,12}}\.\w{{1,64}})"
)
_DOT = (
    r"(?:\.|%2e|%252e|0x2e|%c0%[a-z0-9]{2}|%u002e|%uff0e|%u2024|u002e|\xc0[\x80-\xff.^?]|\ufffd\.?|\u2024|\uff0e|"
    r"[\xe0\xf0\xf8\xfc][\x80-\xbf]{2,5}|[\xc0\xc1][^\w\s])"
)
_STEP = re.compile(
    rf"(?P<step>(?:{_DOT}[\x00-\x20]?){{2,4}}(?:[/\\]|%2f|%5c|%25(?:2f|5c)|0x2f|0x5c|%u[0-9a-f]{{4}}|"
    rf"[\xc0\xc1](?:[^\w\s]|%\w{{2}})|%c[01]%\w{{2}}|%[a-z0-9]{{2}}|[\x80-\uffff?:;|,]{{1,6}}[/\\]?|u[0-9a-f]{{4}}){{1,12}}){{1,64}}"
)
_MIXED = re.compile(r"(?:[/\\]{0,4}\.{1,4}[/\\]{1,8}){3,}")
_DOTTED = re.compile(r"(?:^|[/\\=])(?:\.{2,8}[/\\]{1,8}){1,}|[/\\]\.{2,3}(?:$|[/\\])")
_PARENT = re.compile(r"\.\.[\\/]")
_WRAPPER = re.compile(
    r"(?:^|[=\s(\"'])(?:php://(?:filter|input|stdin|fd|memory|temp)|(?:zip|phar|expect|glob|compress\.\w{1,64}|ogg|rar|ssh2)://"
    r"|file:/{1,4}[\w%.]|data://?(?:text|image|,))"
)
_UNC = re.compile(r"^\\\\[^\\\s]+\\[^\\\s]+\\|^\\\\[\w.?:]+\\|^[a-z]:[\\/]{1,4}(?:boot\.ini|win(?:dows|nt)|inetpub|program files|"
                  r"apache|php|xampp|mysql|nginx|wamp|temp|sysprep|appserv|tomcat)[\w. ~()-]*(?:[\\/]|$)")  # fmt: skip
_UNIX = re.compile(
    r"^/(?:etc|proc|var/log|var/mail|var/run|root|usr/local|usr/etc|opt|private/etc|volumes|logs|bin|tmp)/[\w./@-]{2,}$"
)
_NUL = re.compile(r"(?:%00|\x00)(?:\.?[a-z]{2,5})?$")


def confirm(value: Value) -> list[Signal]:
    """Signals of path traversal in ``value``."""
    text = value.lower
    signals: list[Signal] = []
    prose = text.count(" ") > 3 and not text.startswith(("../", "..\\"))
    found = _FILES.search(text)
    if found is not None:
        signals.append(Signal("file_prose" if prose else "file", text[max(0, found.start() - 40) : found.end() + 40]))
        if found["hit"].startswith(("etc", "boot.ini", "win", "system32", "proc")) and "passwd" in text + "boot.ini":
            signals.append(Signal("known_file", found["hit"]))
    climb = _climb(text)
    if climb:
        count = max(1, climb.count("/") + climb.count("\\"))
        linked = "](" + climb in text
        name = "run_prose" if prose or linked else "run" if count > 1 or len(climb) > 8 else "step"
        signals.append(Signal(name, climb))
        if prose and count > 3:
            signals.append(Signal("long_run", climb))
    for name, pattern in (("wrapper", _WRAPPER), ("drive", _UNC), ("absolute", _UNIX), ("nul", _NUL)):
        match = pattern.search(text)
        if match is not None and not (prose and name != "wrapper"):
            signals.append(Signal(name, match[0]))
    return [] if value.header and _harmless_header(value) else signals


def _climb(text: str) -> str:
    best = ""
    for pattern in (_STEP, _MIXED):
        for match in pattern.finditer(text):
            if len(match[0]) > len(best):
                best = match[0]
    return best


def _harmless_header(value: Value) -> bool:
    return value.header in ("ACCEPT", "USER-AGENT") and ".." not in value.text and "etc" not in value.lower


_TRIGGERS = (r"etc(?:[^\w\s.,)-]|0x|u[0-9a-f]{4}|[25][cf]|[\x80-\xff])", r"logs?[/\\]{1,4}(?:access|error)")

TYPE = AttackType(
    code="ptrav",
    literals=(
        "..", "%2e", "0x2e", "boot.ini", "win.ini", "system.ini", "system32", "winnt", "windows/", "windows\\",
        "ntuser", "web-inf", "meta-inf", ".htpasswd", ".htaccess", ".bash_history", ".ssh", "id_rsa", ".env",
        "wp-config", ".git/", ".svn/", "/proc/", "proc/self", "var/", "usr/", "/opt/", "/root", "php://", "zip://",
        "phar://", "expect://", "glob://", "file:", "data:", "\\\\", "c:\\", "c:/", ".aws/", "inetpub", "xampp",
        "\xc0", "\xc1", "%c0", "%c1", "volumes/", "./", ".\\", "autoexec",
        "%00", "/bin/", "/tmp/",
    ),
    confirm=confirm,
    triggers=_TRIGGERS,
    weights={
        "file": 4.5, "file_prose": 1.0, "known_file": 2.0, "run": 4.5, "step": 2.0, "run_prose": 1.0, "long_run": 2.0,
        "wrapper": 4.5, "drive": 4.5, "absolute": 3.0, "nul": 2.5,
    },
)  # fmt: skip
