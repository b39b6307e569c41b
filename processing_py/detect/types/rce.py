"""Command and code execution (CWE-78, CWE-94).

Shell grammar after unquoting, PHP, Java, Node and Python code, log4shell, shellshock, serialised objects.
"""

from __future__ import annotations

import re

from processing_py.detect.value import AttackType, Signal, Value

_COMMANDS = (
    "cat|tac|ls|id|whoami|uname|pwd|ps|netstat|ifconfig|ipconfig|ping|nslookup|dig|host|getent|wget|curl|nc|ncat|netcat|telnet|bash|sh|zsh|ksh|csh|dash|"
    "python[23]?|perl|ruby|php|node|sleep|timeout|echo|printf|touch|rm|mv|cp|chmod|chown|mkdir|kill|killall|find|grep|awk|sed|head|tail|more|less|env|set|export|"
    "dir|type|copy|del|net|tasklist|systeminfo|ver|cmd|cmd\\.exe|powershell|powershell\\.exe|certutil|bitsadmin|reg|wmic|tracert|nltest|iwr|iex|start|"
    "crontab|at|ssh|scp|ftp|tftp|base64|xxd|xargs|tee|nohup|expr|eval|exec|source|which|w|who|last|df|du|mount|lsof|dmesg|gcc|make|useradd|adduser|passwd|su|sudo|service|systemctl|"
    "shutdown|reboot|halt|phpinfo|system|busybox|socat|nmap|tcpdump|history|route|arp|traceroute|mysql|psql|sqlite3|vim?|nano|git|docker|kubectl|"
    "invoke-\\w+|get-\\w+|new-object|start-process|str|if|for|while|set-executionpolicy|rundll32|mshta|regsvr32|cscript|wscript|msiexec|waitfor|choice|lp|read|finger"
)
_ALONE = "whoami|id|uname|pwd|ls|ps|netstat|ifconfig|ipconfig|dir|env|tasklist|systeminfo|ver|w|who|phpinfo|last|history|reboot|shutdown|df|mount|route|arp|dmesg|sh|bash|net|set|sleep"
_PATH = r"(?:(?:[\\/][\w?*.-]{1,20}){0,4}[\\/])?"
_STRONG_ARGUMENT = r"(?:\s{0,8}[-/][\w-]+|\s{1,8}(?:/|\.{1,2}/|~|\\|[a-z]:|https?:|ftp|\$|`|['\"]|-|\d{1,3}\b|localhost|[\w.-]+\.(?:sh|txt|php|py|pl|com|net|org|io|me|exe|conf|ini|log|dat|xml|bat|ps1)\b|all|user|start|stop|view|config|hosts|[\w-]+\s{0,8}[;|>&]|[\w${}()-]+$)|\s{0,8}[<>|;&`]|[\"'`\\]|\$)"
_SEPARATED = re.compile(
    rf"(?P<separator>;|\|\|?|&&?|\r?\n|\\n|\$\(|`|<\(|%0a|%3b|\{{(?=\w{{1,64}},))\s{{0,4}}(?:['\"]\s{{0,4}})?(?:[({{]\s{{0,4}})?(?:\$\w{{1,64}}\s{{0,8}}=\s{{0,8}}\S{{1,40}};)?"
    rf"{_PATH}(?P<command>{_COMMANDS})(?P<rest>(?:\.exe)?(?:{_STRONG_ARGUMENT}|,|\s{{0,8}}$|\s{{0,8}}[)'\"}}#&|;`]|\s{{1,8}}[\w.-]+\s{{0,8}}(?:$|[;|&#/'\"`)>])))"
)
_ONLY = re.compile(rf"^(?:{_ALONE})$")
_SUBSTITUTION = re.compile(
    rf"\$\(\s{{0,8}}(?:{_COMMANDS})\b[^)]{{0,400}}\)|\$\(\([\d\s+*-]{{1,64}}\)\)|<\(\s{{0,8}}(?:{_COMMANDS})\b|\$\{{ifs\}}|\$ifs\b|\$@|\$\{{#\w{{1,64}}\}}|\{{\w{{1,64}},[\w/-]+[^}}]{{0,80}}\}}"
)
_BACKTICK = re.compile(rf"`\s{{0,8}}{_PATH}(?:{_COMMANDS})\b[^`]{{0,400}}`")
_QUOTED_WHOLE = re.compile(r"^[^`\w]{0,4}`[^`]*`[^`\w]{0,4}$|[;|&=$(\"'.]`|`\s{0,8}[;|&]\s{0,8}\w{1,64}\s")
_START = re.compile(
    rf"^\s{{0,8}}['\"]?\s{{0,8}}{_PATH}(?:(?:cat|tac|head|tail|more|less|type|ls|dir)\s{{1,8}}(?:-\w{{1,64}}\s{{1,8}})*(?:/|\.\./|c:)\S{{1,128}}|ping\s{{1,8}}(?:-\w{{1,64}}\s{{1,8}}\d{{1,32}}\s{{1,8}})+\S{{1,128}}|(?:wget|curl)\s{{1,8}}(?:-\w{{1,64}}\s{{1,8}})*(?:https?|ftp)://\S{{1,128}}\s{{0,8}}(?:[|;>]|-o|$)|"
    r"(?:bash|sh|nc|ncat|python\d?|perl|php|ruby|powershell(?:\.exe)?|cmd(?:\.exe)?)\s{1,8}(?:-\w|/c)\b.{2,}|uname\s{1,8}-a|netstat\s{1,8}-\w{1,64}|net\s{1,8}(?:user|view|localgroup)|rm\s{1,8}-rf\s{1,8}\S{1,128}|sleep\s{1,8}\d{1,32}$|echo\s{1,8}[\"']?\w{1,64}[\"']?\s{0,8}>+\s{0,8}\S{1,128})"
)
_FULL_PATH = re.compile(rf"(?:^|[\s;|&`'\"(=\n]|\\n)/(?:usr/(?:local/)?)?s?bin/(?:{_COMMANDS})\b")
_GLOB = re.compile(r"(?:/[\w]*[?*]{1,3}[\w?*]*){2,}|\bcat\S{0,4}/e\?\?|/\?\?\?/")
_REVERSE = re.compile(
    r"/dev/(?:tcp|udp)/|bash\s{1,8}-i\b|nc\s{1,8}(?:-\w{1,64}\s{1,8})*[\w.-]+\s{1,8}\d{1,32}|-e\s{1,8}/bin/|mkfifo\s|socket\.socket|exec\s{1,8}\d{1,32}<>|>&\s{0,8}/dev|0>&1|2>&1|>\s{0,8}/dev/null"
)
_PHP = re.compile(
    r"<\?(?:php|=)|(?:^|[^\w.>])(?:system|passthru|shell_exec|popen|proc_open|pcntl_exec|assert|phpinfo|eval|exec|call_user_func(?:_array)?|create_function|base64_decode|file_get_contents|fopen|file_put_contents|"
    r"include(?:_once)?|require(?:_once)?|preg_replace|show_source|highlight_file|readfile|unserialize|ini_set|fsockopen|symlink|die|print|var_dump|printf|gzinflate|str_rot13|array_map|usort|md5|chr|strrev|fputs|fwrite|unlink|move_uploaded_file|getenv)\s{0,8}"
    r"\(\s{0,8}(?:['\"`$\d)@\\(]|[a-z_]+\s{0,8}\(|_(?:get|post|request))|\$_(?:get|post|request|cookie|server|files|session|env)\b|\$globals\b|\$\{\s{0,8}(?:phpinfo|system|passthru|print|eval|popen|exec|@|`)|@(?:eval|assert|system|ini_set)\b|\$\w{1,64}\s{0,8}\(\s{0,8}\$\w{1,64}"
)
_PHP_SURE = re.compile(
    r"<\?php\s|<\?=|phpinfo\s{0,8}\(\s{0,8}\)|\$_(?:get|post|request|cookie|server)\s{0,8}\[|(?:system|passthru|shell_exec|exec|eval|popen|assert)\s{0,8}\(\s{0,8}['\"`$]|@eval|base64_decode\s{0,8}\(|print\s{0,8}\(\s{0,8}`|print\(md5|\beval\(|auto_prepend_file|allow_url_include|disable_functions|suhosin\."
)
_JAVA = re.compile(
    r"^\s{0,8}javax?\.\w{1,64}\.[\w.$]+\s{0,8}$|java\.(?:lang|io|net|util)\.\w{1,64}|javax\.(?:naming|script)|getruntime\s{0,8}\(|runtime\.exec|processbuilder|class\.forname|\.newinstance\s{0,8}\(|scriptenginemanager|getclass\(\)|class\.module\.classloader|classloader\.(?:resources|urls)|"
    r"#_memberaccess|@java\.|ognl\.|com\.sun\.rowset|jdbcrowsetimpl|templatesimpl|org\.apache\.(?:commons|xalan|logging|struts|catalina)|\$\$bcel\$\$|spring\.datasource|freemarker\.template|commons-collections|com\.(?:mchange|ibatis|opensymphony)\.|bsh\.interpreter|groovy\.\w{1,64}\b|sun\.\w{1,64}\.\w{1,64}|jdk\.nashorn"
)
_JAVA_SURE = re.compile(
    r"getruntime\s{0,8}\(\s{0,8}\)|java\.lang\.(?:runtime|processbuilder|system)|class\.module\.classloader|#_memberaccess|\$\$bcel|jdbcrowsetimpl|templatesimpl|scriptenginemanager|new\s{1,8}processbuilder|@java\.lang"
)
_JNDI = re.compile(
    r"\$\{\s{0,8}(?:jndi|(?:\$\{[^}]{0,80}\}|[jndi]){2,12})\s{0,8}:|\$\{(?:[^{}]{0,40}\$\{(?:lower|upper|env|sys|date|::|[\w:]{0,20}:-)[^}]{0,60}\}){1,}|\$\{\s{0,8}(?:jndi|env|sys|java|ctx|lower|upper|bundle|main|docker|k8s|web)\s{0,8}:|jndi\s{0,8}:\s{0,8}(?:ldaps?|rmi|dns|iiop|corba|nis|nds|https?)\s{0,8}:"
)
_SHOCK = re.compile(r"\(\)\s{0,8}\{[^{}]{0,60}\}\s{0,8}(?:;|>_\[)")
_NODE = re.compile(
    r"require\s{0,8}\(\s{0,8}['\"`]?(?:child_process|fs|http|net|os|vm)|child_process|process\.(?:mainmodule|binding|env|exit)|\.execsync|\.spawn(?:sync)?\s{0,8}\(|global\.process|__proto__|constructor\.prototype|_\$\$nd_func|\$\$nd_func|new\s{1,8}function\s{0,8}\(|function\s{0,8}\(\s{0,8}\)\s{0,8}\{.{0,400}(?:exec|require|process|return)|eval\s{0,8}\(\s{0,8}string"
)
_PYTHON = re.compile(
    r"__(?:import|class|globals|builtins|subclasses|mro|reduce)__|os\.(?:system|popen)\s{0,8}\(|subprocess\.(?:call|popen|check_output|run)|!!python/|exec\s{0,8}\(\s{0,8}['\"]import|import\s{1,8}(?:os|socket|subprocess|pty)\s{0,8}[;,]|commands\.getoutput|%x\(|io\.popen|`?ruby\s{1,8}-|kernel\.(?:exec|system)|cposix|c__builtin__"
)
_SERIAL = re.compile(
    r"\bo:\d{1,4}:\\?\"[\w\\]{1,100}\\?\":\d|a:\d{1,4}:\{(?:i|s):\d|ro0ab|\xac\xed\x00\x05|aced0005|aaeaaad/|!!javax|\b!!com\.sun|xstream|<java\s|<sorted-set>|java\.beans\.xmldecoder|h4siaaaaaaaa|---\s{0,8}!ruby|phar:"
)
_WINDOWS = re.compile(
    r"cmd(?:\.exe)?\s{0,8}/[ck]|powershell(?:\.exe)?\s{1,8}(?:-\w{1,64}|\")|%(?:comspec|systemroot|windir|appdata)%|[&|]\s{0,8}(?:dir|type|ver|set)\s{1,8}[/%\"c]|-enc(?:odedcommand)?\s{1,8}[a-z0-9+/=]{8,}|\[system\.\w{1,64}|\bnew-object\s|\binvoke-(?:expression|webrequest|command)|downloadstring|set-executionpolicy|for\s{1,8}/[fdlr]\s{1,8}%"
)
_SSI_MISC = re.compile(
    r"-oproxycommand=|\bwith=x\b|\bawk\s{1,8}['\"]?(?:begin)?\s{0,8}\{|\bfind\s{1,8}\S{1,128}\s{1,8}-exec|\bxargs\s{1,8}\w|proc_open|\bdef\s{1,8}\w{1,64}=|<svg.{0,40}msl|(?:push|fill|pop)\s{1,8}graphic-context|;vi\b|yrange=\[|^\W*\w{0,20}\s{0,8}\|\s{0,8}sh\b"
)
_UNQUOTE = re.compile(
    r"(?<=[\w/.$])(?:''|\"\"|\\(?=[a-z/.])|\^|`(?=`)|\$@|\$\*|\$\{?[u!@*]\}?(?=[\w/+ ]|$))|(?<=\w)'(?=\w{1,12}'?)|(?<=\w)\"(?=\w{1,12}\"?)"
)
_SPACES = re.compile(
    r"\$\{?ifs\}?(?:\$\d|%\w{1,64})?|\$ifs\$9|(?<=\w)\+(?=/)|(?<=[;|&]cat)\xa0|\{(?=\w{1,64},)|,(?=[/-])|\x09|%09"
)
_PROSE = re.compile(r"(?:\b[a-z]{2,20}[,.]? ){5,}")
_INJECTED = re.compile(r"^[`\"'\w.:/\\@(){}\[\]$%*+=,-]{0,60}\s{0,8}(?:\\n)?$")
_BATCH = re.compile(
    r"\bfor\s{1,4}(?:/[dflr]\s{1,4}(?:[^\s%]{1,64}\s{1,4})?)?%{1,2}[^\s%]{1,64}\s{1,4}in\s{0,4}\(|\bif\s{1,4}(?:/i\s{1,4})?(?:not\s{1,4})?(?:exist\s|defined\s|errorlevel\s|cmdextversion\s)|\bif\s{1,4}/i\s"
)
"""Control statements of cmd.exe."""
_PAIRS = (
    ("batch", _BATCH),
    ("full_path", _FULL_PATH), ("glob", _GLOB), ("reverse", _REVERSE), ("php", _PHP), ("php_sure", _PHP_SURE), ("java", _JAVA), ("java_sure", _JAVA_SURE),
    ("jndi", _JNDI), ("shellshock", _SHOCK), ("node", _NODE), ("python", _PYTHON), ("serialized", _SERIAL), ("windows", _WINDOWS), ("misc", _SSI_MISC),
    ("start", _START), ("substitution", _SUBSTITUTION), ("backtick", _BACKTICK),
)  # fmt: skip


def confirm(value: Value) -> list[Signal]:
    """Signals of commands or code in ``value``."""
    text = value.lower
    plain = _SPACES.sub(" ", _UNQUOTE.sub("", text))
    if " " not in plain:
        plain = plain.replace("+", " ")
    signals: list[Signal] = []
    for name, pattern in _PAIRS:
        match = pattern.search(text) or (pattern.search(plain) if plain != text else None)
        if match is not None:
            signals.append(Signal(name, match[0] or text[:200]))
    for candidate in (text,) if plain == text else (text, plain):
        found = _separated(candidate)
        if found is not None:
            signals.append(found)
            break
    if plain != text and any(signal.name in ("separated", "separated_weak") for signal in signals):
        signals.append(Signal("unquoted", plain[:200]))
    if signals and value.short and _PROSE.search(text) is not None:
        signals.append(Signal("prose", ""))
    return signals


def _separated(text: str) -> Signal | None:
    """The first separator that is followed by a command with a plausible argument."""
    weak: Signal | None = None
    for match in _SEPARATED.finditer(text):
        prefix = text[: match.start("separator")]
        command = match["command"]
        rest = match["rest"].strip()
        if len(command) == 1 and not rest:
            continue
        short = _INJECTED.match(prefix) is not None
        alone = _ONLY.match(command) is not None
        if match["separator"] == "`" and _QUOTED_WHOLE.search(text) is None:
            short = False
        sure = short and (alone or (bool(rest) and rest[0] not in ";|&"))
        signal = Signal("separated" if sure else "separated_weak", match[0].strip()[-200:])
        spaced = match["separator"] in ("&", "|") and prefix.endswith(" ") and prefix.strip().replace(" ", "").isalpha()
        if sure and spaced and not alone and not rest.startswith(("/", "$", "`")):
            signal = Signal("separated_weak", signal.evidence)
        if signal.name == "separated":
            return signal
        weak = weak or signal
    return weak


_SEPARATOR = r"(?:[;|&`\n]|\\n|\$\(|<\(|%0a|%3b|\{)[\s'\"({+]*"
_TRIGGERS = (
    r"\bfor[\s+]+(?:/[dflr][\s+]+(?:[^\s%]{1,64}[\s+]+)?)?%",
    r"\bif[\s+]+(?:/i[\s+]|(?:not[\s+]+)?(?:exist|defined|errorlevel|cmdextversion)[\s+])",
    rf"{_SEPARATOR}(?:\$\w{{1,20}}\s?=\s?\S{{1,40}};)?(?:[\w?*.\\-]{{0,20}}[\\/]){{0,5}}(?:{_COMMANDS})(?:[^\w=:]|$)",
    # A word after a separator that has quotes, backslashes or expansions inside: what a shell takes away.
    rf"{_SEPARATOR}[\w/.\\-]{{0,24}}(?:''|\"\"|\\[a-z/.]|\^|``|\$[@*!u{{i]|\w'\w|\w\"\w|[?*])",
    r"(?:system|passthru|shell_exec|popen|proc_open|pcntl_exec|assert|phpinfo|eval|exec|call_user_func(?:_array)?|create_function|base64_decode|file_get_contents|fopen|file_put_contents|"
    r"include(?:_once)?|require(?:_once)?|preg_replace|show_source|highlight_file|readfile|unserialize|ini_set|fsockopen|symlink|die|print|var_dump|printf|gzinflate|str_rot13|array_map|usort|md5|chr|strrev|fputs|fwrite|unlink|move_uploaded_file|getenv)\s*\(",
    r"\$\w{1,40}\s*\(\s*\$\w",
    r"(?:^|\W)(?:cat|tac|head|tail|more|less|type|ls|dir)[\s+]+(?:-\w{1,20}[\s+]+){0,4}(?:/|\.\./|c:)",
    r"\bo:\d{1,4}:",
    r"(?:ping|uname|sleep|cmd|cmd\.exe|net)\s+[-/\du]",
    r"cmd(?:\.exe)?\s*/[ck]",
    r"exec\s+\d",
    r"awk\s+['\"]?(?:begin)?\s*\{",
    r"\bos\.(?:system|popen)",
)

TYPE = AttackType(
    code="rce",
    literals=(
        ";cat", "cat ", "/bin/", "whoami", "ifconfig", "ipconfig", "netstat", "nslookup", "bash", "powershell",         "$(", "${", "echo", "<?", "$_",
        "java.", "processbuilder", "forname", "classloader", "ognl", "#_member", "jndi", "() {", "(){", "child_process", "process.", "__proto__", "prototype", "__import",
        "__class", "subprocess", "!!python", "import os", "rO0AB".lower(), "aced0005", ":{s:", ":{i:", "/dev/tcp", "/???", "/e??", "??", "%comspec", "cmd.exe", "invoke-",
        "proxycommand", "$ifs", "function(", "function (", "bcel", "templatesimpl", "scriptengine", "xstream", "xmldecoder", "nashorn", "globals", "auto_prepend", "allow_url", "graphic-context",         "cat\xa0", "ls -", "rm -",
        "curl ", "wget ", "xargs ", "-exec", "with=x", "yrange=[", "mkfifo", "/dev/udp", ">&", "cposix", "io.popen", "aaeaaad", "!!com.", "java.beans", "<java", "h4siaaaa", "_$$nd", "com.sun.", "com.mchange", "com.ibatis", "com.opensymphony", "org.apache.", "groovy.", "javax.", "spring.data", "freemarker.t", "commons-coll", "bsh.interp", "suhosin", "disable_func", "getruntime", "runtime.", "require_once", "include_once", "phpinfo", "base64_decode", "@eval", "downloadstring", "%windir", "%systemroot", "%appdata", "[system.", "socket.socket", "kernel.", "phar:",
    ),
    confirm=confirm,
    triggers=_TRIGGERS,
    weights={
        "separated": 4.5, "separated_weak": 1.2, "full_path": 3.5, "glob": 3.0, "reverse": 1.8, "php": 2.2, "php_sure": 2.8, "java": 2.5, "java_sure": 3.0, "jndi": 5.0,
        "shellshock": 4.0, "node": 3.0, "python": 3.0, "serialized": 4.5, "windows": 3.2, "misc": 3.0, "start": 4.2, "substitution": 3.5, "backtick": 1.5, "unquoted": 1.0, "batch": 4.3, "prose": -2.5,
    },
)  # fmt: skip
