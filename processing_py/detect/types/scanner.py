"""Resource scanning: user agents of vulnerability scanners and files that only scanners ask for."""

from __future__ import annotations

import re

from processing_py.detect.value import AttackType, Signal, Value

_AGENTS = (
    "sqlmap", "nikto", "nessus", "openvas", "acunetix", "nuclei", "wpscan", "dirbuster", "gobuster", "masscan", "zgrab", "nmap", "w3af", "netsparker", "burpcollaborator",
    "fuzz faster u fool", "feroxbuster", "arachni", "skipfish", "havij", "zmeu", "morfeus", "whatweb", "commix", "jaeles", "wfuzz", "grabber", "paros", "webinspect",
    "appscan", "qualys", "xray", "goby", "joomscan", "dirb/", "metis", "bsqlbf", "sqlninja", "pangolin", "jbrofuzz", "vega/", "absinthe", "fimap", "grendel", "hydra", "brutus",
    "cgichk", "datacha0s", "n-stealth", "webshag", "whisker", "struts-pwn", "xspider", "(hydra)", "toata dragostea", "internet ninja", "mysqloit", "prog.customcrawler",
    "nsauditor", "springenwerk", "sysscan", "blackwidow", "sn1per", "interactsh", "detectify", "tplmap", "sslyze", "zap/", "owasp zap", "censysinspect",
)  # fmt: skip
_AGENT = re.compile("|".join(re.escape(agent) for agent in _AGENTS))
_FILE = re.compile(
    r"/(?:\.git/(?:config|head|index)|\.svn/(?:entries|wc\.db)|\.hg/|\.env(?:\.\w{1,64})?|\.ds_store|\.htaccess|\.htpasswd|wp-config\.php[\w.~]*|phpinfo\.php|info\.php|phpmyadmin/|pma/|adminer[\w.-]*\.php|"
    r"server-status|actuator/(?:env|heapdump|gateway|jolokia)|web\.config|\.aws/credentials|\.vscode/sftp|id_rsa|backup\.(?:zip|sql|tar\.gz)|dump\.sql|[\w-]+\.(?:sql|bak|old|swp)|cgi-bin/(?:test|printenv|php)\S{0,128}|"
    r"solr/admin|manager/html|jmx-console|invoker/jmx|console/(?:css|login)\S{0,128}|boaform/|hnap1|setup\.cgi|shell\.php|c99\.php|r57\.php|cmd\.php|vendor/phpunit/|owa/auth/x|\.well-known/\.\.|trace\.axd|elmah\.axd)(?:$|[/?%;])"
)


def confirm(value: Value) -> list[Signal]:
    """Signals of a scanner."""
    text = value.lower
    signals: list[Signal] = []
    if value.header == "USER-AGENT":
        match = _AGENT.search(text)
        if match is not None:
            signals.append(Signal("agent", match[0]))
    elif (
        value.header
        and value.header not in ("REFERER", "ORIGIN", "HOST", "COOKIE")
        and text.startswith(("acunetix", "netsparker", "sqlmap", "nessus"))
    ):
        signals.append(Signal("agent", text[:60]))
    elif value.section == "uri":
        match = _FILE.search(text)
        if match is not None:
            signals.append(Signal("file", match[0]))
    return signals


TYPE = AttackType(
    code="scanner",
    literals=(*_AGENTS, "/.git", "/.svn", "/.hg", "/.env", "/.ds_", "/.ht", "wp-config", "phpinfo", "info.php", "phpmyadmin", "/pma", "adminer", "server-status", "actuator", "web.config",
              ".aws/", ".vscode", "id_rsa", "backup.", ".sql", ".bak", ".old", ".swp", "cgi-bin", "solr/", "manager/html", "jmx", "console/", "boaform", "hnap1", "setup.cgi", "shell.php", "c99", "r57", "cmd.php", "phpunit", ".axd"),
    confirm=confirm,
    weights={"agent": 5.0, "file": 4.3},
)  # fmt: skip
