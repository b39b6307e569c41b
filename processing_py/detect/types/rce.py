"""Command and code execution (CWE-78, CWE-94).

Shell grammar after unquoting, PHP, Java, Node and Python code, log4shell, shellshock, serialised objects.
"""

from __future__ import annotations

import re

from processing_py.detect.value import PROSE_LENGTH, AttackType, Signal, Value

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
_STRONG_ARGUMENT = r"(?:\s*[-/][\w-]+|\s+(?:/|\.{1,2}/|~|\\|[a-z]:|https?:|ftp|\$|`|['\"]|-|\d{1,3}\b|localhost|[\w.-]+\.(?:sh|txt|php|py|pl|com|net|org|io|me|exe|conf|ini|log|dat|xml|bat|ps1)\b|all|user|start|stop|view|config|hosts|[\w-]+\s*[;|>&]|[\w${}()-]+$)|\s*[<>|;&`]|[\"'`\\]|\$)"
_SEPARATED = re.compile(
    rf"(?P<separator>;|\|\|?|&&?|\r?\n|\\n|\$\(|`|<\(|%0a|%3b|\{{(?=\w+,))\s*(?:['\"]?\s*[({{]?\s*)(?:\$\w+\s*=\s*\S{{1,40}};)?"
    rf"{_PATH}(?P<command>{_COMMANDS})(?P<rest>(?:\.exe)?(?:{_STRONG_ARGUMENT}|,|\s*$|\s*[)'\"}}#&|;`]|\s+[\w.-]+\s*(?:$|[;|&#/'\"`)>])))"
)
_ONLY = re.compile(rf"^(?:{_ALONE})$")
_SUBSTITUTION = re.compile(
    rf"\$\(\s*(?:{_COMMANDS})\b[^)]{{0,400}}\)|\$\(\([\d\s+*-]+\)\)|<\(\s*(?:{_COMMANDS})\b|\$\{{ifs\}}|\$ifs\b|\$@|\$\{{#\w+\}}|\{{\w+,[\w/-]+[^}}]{{0,80}}\}}"
)
_BACKTICK = re.compile(rf"`\s*{_PATH}(?:{_COMMANDS})\b[^`]{{0,400}}`")
_QUOTED_WHOLE = re.compile(r"^[^`\w]{0,4}`[^`]*`[^`\w]{0,4}$|[;|&=$(\"'.]`|`\s*[;|&]\s*\w+\s")
_START = re.compile(
    rf"^\s*['\"]?\s*{_PATH}(?:(?:cat|tac|head|tail|more|less|type|ls|dir)\s+(?:-\w+\s+)*(?:/|\.\./|c:)\S+|ping\s+(?:-\w+\s+\d+\s+)+\S+|(?:wget|curl)\s+(?:-\w+\s+)*(?:https?|ftp)://\S+\s*(?:[|;>]|-o|$)|"
    r"(?:bash|sh|nc|ncat|python\d?|perl|php|ruby|powershell(?:\.exe)?|cmd(?:\.exe)?)\s+(?:-\w|/c)\b.{2,}|uname\s+-a|netstat\s+-\w+|net\s+(?:user|view|localgroup)|rm\s+-rf\s+\S+|sleep\s+\d+$|echo\s+[\"']?\w+[\"']?\s*>+\s*\S+)"
)
_FULL_PATH = re.compile(rf"(?:^|[\s;|&`'\"(=\n]|\\n)/(?:usr/(?:local/)?)?s?bin/(?:{_COMMANDS})\b")
_GLOB = re.compile(r"(?:/[\w]*[?*]{1,3}[\w?*]*){2,}|\bcat\S{0,4}/e\?\?|/\?\?\?/")
_REVERSE = re.compile(
    r"/dev/(?:tcp|udp)/|bash\s+-i\b|nc\s+(?:-\w+\s+)*[\w.-]+\s+\d+|-e\s+/bin/|mkfifo\s|socket\.socket|exec\s+\d+<>|>&\s*/dev|0>&1|2>&1|>\s*/dev/null"
)
_PHP = re.compile(
    r"<\?(?:php|=)|(?:^|[^\w.>])(?:system|passthru|shell_exec|popen|proc_open|pcntl_exec|assert|phpinfo|eval|exec|call_user_func(?:_array)?|create_function|base64_decode|file_get_contents|fopen|file_put_contents|"
    r"include(?:_once)?|require(?:_once)?|preg_replace|show_source|highlight_file|readfile|unserialize|ini_set|fsockopen|symlink|die|print|var_dump|printf|gzinflate|str_rot13|array_map|usort|md5|chr|strrev|fputs|fwrite|unlink|move_uploaded_file|getenv)\s*"
    r"\(\s*(?:['\"`$\d)@\\(]|[a-z_]+\s*\(|_(?:get|post|request))|\$_(?:get|post|request|cookie|server|files|session|env)\b|\$globals\b|\$\{\s*(?:phpinfo|system|passthru|print|eval|popen|exec|@|`)|@(?:eval|assert|system|ini_set)\b|\$\w+\s*\(\s*\$\w+"
)
_PHP_SURE = re.compile(
    r"<\?php\s|<\?=|phpinfo\s*\(\s*\)|\$_(?:get|post|request|cookie|server)\s*\[|(?:system|passthru|shell_exec|exec|eval|popen|assert)\s*\(\s*['\"`$]|@eval|base64_decode\s*\(|print\s*\(\s*`|print\(md5|\beval\(|auto_prepend_file|allow_url_include|disable_functions|suhosin\."
)
_JAVA = re.compile(
    r"^\s*javax?\.\w+\.[\w.$]+\s*$|java\.(?:lang|io|net|util)\.\w+|javax\.(?:naming|script)|getruntime\s*\(|runtime\.exec|processbuilder|class\.forname|\.newinstance\s*\(|scriptenginemanager|getclass\(\)|class\.module\.classloader|classloader\.(?:resources|urls)|"
    r"#_memberaccess|@java\.|ognl\.|com\.sun\.rowset|jdbcrowsetimpl|templatesimpl|org\.apache\.(?:commons|xalan|logging|struts|catalina)|\$\$bcel\$\$|spring\.datasource|freemarker\.template|commons-collections|com\.(?:mchange|ibatis|opensymphony)\.|bsh\.interpreter|groovy\.\w+\b|sun\.\w+\.\w+|jdk\.nashorn"
)
_JAVA_SURE = re.compile(
    r"getruntime\s*\(\s*\)|java\.lang\.(?:runtime|processbuilder|system)|class\.module\.classloader|#_memberaccess|\$\$bcel|jdbcrowsetimpl|templatesimpl|scriptenginemanager|new\s+processbuilder|@java\.lang"
)
_JNDI = re.compile(
    r"\$\{\s*(?:jndi|(?:\$\{[^}]{0,80}\}|[jndi]){2,12})\s*:|\$\{(?:[^{}]{0,40}\$\{(?:lower|upper|env|sys|date|::|[\w:]{0,20}:-)[^}]{0,60}\}){1,}|\$\{\s*(?:jndi|env|sys|java|ctx|lower|upper|bundle|main|docker|k8s|web)\s*:|jndi\s*:\s*(?:ldaps?|rmi|dns|iiop|corba|nis|nds|https?)\s*:"
)
_SHOCK = re.compile(r"\(\)\s*\{[^{}]{0,60}\}\s*(?:;|>_\[)")
_NODE = re.compile(
    r"require\s*\(\s*['\"`]?(?:child_process|fs|http|net|os|vm)|child_process|process\.(?:mainmodule|binding|env|exit)|\.execsync|\.spawn(?:sync)?\s*\(|global\.process|__proto__|constructor\.prototype|_\$\$nd_func|\$\$nd_func|new\s+function\s*\(|function\s*\(\s*\)\s*\{.{0,400}(?:exec|require|process|return)|eval\s*\(\s*string"
)
_PYTHON = re.compile(
    r"__(?:import|class|globals|builtins|subclasses|mro|reduce)__|os\.(?:system|popen)\s*\(|subprocess\.(?:call|popen|check_output|run)|!!python/|exec\s*\(\s*['\"]import|import\s+(?:os|socket|subprocess|pty)\s*[;,]|commands\.getoutput|%x\(|io\.popen|`?ruby\s+-|kernel\.(?:exec|system)|cposix|c__builtin__"
)
_SERIAL = re.compile(
    r"\bo:\d{1,4}:\\?\"[\w\\]{1,100}\\?\":\d|a:\d{1,4}:\{(?:i|s):\d|ro0ab|\xac\xed\x00\x05|aced0005|aaeaaad/|!!javax|\b!!com\.sun|xstream|<java\s|<sorted-set>|java\.beans\.xmldecoder|h4siaaaaaaaa|---\s*!ruby|phar:"
)
_WINDOWS = re.compile(
    r"cmd(?:\.exe)?\s*/[ck]|powershell(?:\.exe)?\s+(?:-\w+|\")|%(?:comspec|systemroot|windir|appdata)%|[&|]\s*(?:dir|type|ver|set)\s+[/%\"c]|-enc(?:odedcommand)?\s+[a-z0-9+/=]{8,}|\[system\.\w+|\bnew-object\s|\binvoke-(?:expression|webrequest|command)|downloadstring|set-executionpolicy|for\s+/[fdlr]\s+%"
)
_SSI_MISC = re.compile(
    r"-oproxycommand=|\bwith=x\b|\bawk\s+['\"]?(?:begin)?\s*\{|\bfind\s+\S+\s+-exec|\bxargs\s+\w|proc_open|\bdef\s+\w+=|<svg.{0,40}msl|(?:push|fill|pop)\s+graphic-context|;vi\b|yrange=\[|^\W*\w{0,20}\s*\|\s*sh\b"
)
_UNQUOTE = re.compile(
    r"(?<=[\w/.$])(?:''|\"\"|\\(?=[a-z/.])|\^|`(?=`)|\$@|\$\*|\$\{?[u!@*]\}?(?=[\w/+ ]|$))|(?<=\w)'(?=\w{1,12}'?)|(?<=\w)\"(?=\w{1,12}\"?)"
)
_SPACES = re.compile(
    r"\$\{?ifs\}?(?:\$\d|%\w+)?|\$ifs\$9|(?<=\w)\+(?=/)|(?<=[;|&]cat)\xa0|\{(?=\w+,)|,(?=[/-])|\x09|%09"
)
_PROSE = re.compile(r"(?:\b[a-z]{2,20}[,.]? ){5,}")
_INJECTED = re.compile(r"^[`\"'\w.:/\\@(){}\[\]$%*+=,-]{0,60}\s*(?:\\n)?$")
_PAIRS = (
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
    if signals and len(text) < PROSE_LENGTH and _PROSE.search(text) is not None:
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


TYPE = AttackType(
    code="rce",
    literals=(
        ";cat", "cat ", "/bin/", "whoami", "ifconfig", "ipconfig", "netstat", "nslookup", "wget", "curl", "ping", "uname", "sleep", "bash", "powershell", "cmd",
        "$(", "`", "${", "|", ";", "&", "\n", "\\n", "echo", "system", "exec", "passthru", "popen", "eval", "assert", "phpinfo", "<?", "base64_decode", "include(", "require", "$_",
        "java.", "runtime", "processbuilder", "forname", "classloader", "ognl", "#_member", "jndi", "() {", "(){", "child_process", "process.", "__proto__", "prototype", "__import",
        "__class", "os.", "subprocess", "!!python", "import os", "rO0AB".lower(), "aced0005", ":{s:", ":{i:", "\":", "o:", "/dev/tcp", "/???", "/e??", "??", "%comspec", "cmd.exe", "invoke-",
        "proxycommand", "$ifs", "print(", "function(", "function (", "bcel", "templatesimpl", "scriptengine", "xstream", "xmldecoder", "nashorn", "globals", "auto_prepend", "allow_url", "graphic-context", "md5(",
        "cat\xa0", "call_user", "file_get", "unserialize", "ls -", "rm -",
    ),
    confirm=confirm,
    weights={
        "separated": 4.5, "separated_weak": 1.2, "full_path": 3.5, "glob": 3.0, "reverse": 1.8, "php": 2.2, "php_sure": 2.8, "java": 2.5, "java_sure": 3.0, "jndi": 5.0,
        "shellshock": 4.0, "node": 3.0, "python": 3.0, "serialized": 4.5, "windows": 3.2, "misc": 3.0, "start": 4.2, "substitution": 3.5, "backtick": 1.5, "unquoted": 1.0, "prose": -2.5,
    },
)  # fmt: skip
