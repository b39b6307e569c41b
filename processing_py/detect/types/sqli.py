"""SQL injection (CWE-89): a grammar over token classes in three quote contexts (see ``sql_tokens``)."""

from __future__ import annotations

import re

from processing_py.detect.types.sql_tokens import Tokens, tokenize
from processing_py.detect.value import AttackType, Signal, Value, shorten_spaces

_EXPRESSION = r"(?:[(]*(?:[nsvwfx*]|w\.\*|[fx]\([^()]*\))[)]*(?:[om][(]*[nsvwfx][)]*)?)"
_ANYWHERE: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("union_select", r"U[A(]*E[A(]*(?:[nsvfx*(om,)&!;.B?c]|w[,F.()omc])"),
        ("select_from", rf"E[A(]*(?:{_EXPRESSION},?(?:Bw)?)+F[(E]*[wsfvx]"),
        ("select_list", r"E[A(]*(?:[nsv*][,)oF]|[fx]\(|v|w,(?:w,)*[wnsf]F|\*F|c)"),
        ("subselect", r"[(&o]\(*E[A(]*(?:[nsv*fx(]|w[,F)(]|T|B)"),
        ("tautology", r"(?:^w?|[nsv)c])[&][(!m]*[nsv]\)*(?:m[nv])?(?:[o][!(om]*|!?k[(]*|B)[nsv]"),
        (
            "tautology_mixed",
            r"(?:^[(]*|[nsv)])[&][(!m]*(?:[fx]\([^&]{0,40}\)|[nsvw](?:\.w)?)\)*(?:[o]|!?k)[!(om]*(?:[nsvw]|[fx]\()",
        ),
        ("logic_function", r"(?:[nsv)]|^)[&!][(!m]*[fx]\("),
        ("logic_select", r"[&o][(!m]*(?:E|T\()"),
        ("strong_function", r"x\("),
        ("schema", r"x(?!\()"),
        ("order_by", r"(?:^|[nsv)wc])\)*OY[(]*(?:n|w|f\()(?:,[nw])*[)]*(?:c|$|&|U)|(?:^|[ns)])OY[(]*[nf]"),
        ("having", r"[nsv)wY]H[(!]*[nswf]\)*(?:o|k|c|$)"),
        ("stacked", r";[(]*(?:T[wBsAEn(Fvx]|E[nsvwfx*(A]|B[wT])"),
        ("stacked_end", r";(?:T|w)c"),
        ("limit", r"BnBn|B[w(n]*BB"),
        ("variable", r"v"),
        ("order_number", r"^m?[ns](?:,n)*[)]*OYn(?:,n)*$"),
        ("union_end", r"^m?n[nsm),]*U[A(]*E$"),
        ("number_function", r"[&][(!m]*n\)*o[(!m]*[fx]\("),
        ("select_function", r"^[(]*E[A]*[fx]\("),
        ("where_constant", r"B[(!]*[n]\)*o[(m]*[n]"),
        ("function_condition", r"[fx]\([(]*[n]o[n]"),
        ("function_after", r"^[nsw][)m]*;[fx]\("),
        ("tail", r"[nsv)wE]c$"),
        ("case_when", r"BB?[(]*[nswf].{0,12}BnBn|Bw?Bn"),
    )
)
_QUOTED: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("break_logic", r"^s\)*;?[&][(!m]*(?:[nsvfx](?:\)*(?:[omkc&,)]|B)|$|\()|wo(?:[nsvw]|f\()|[nsv]$|E|T)"),
        ("break_logic_word", r"^s\)*[&][(!]*w\)*(?:!?k)[(]*[sn]"),
        ("break_comment", r"^s\)*;?c$"),
        ("break_union", r"^s[\)]*[nsw]?\)*[&]?U"),
        ("break_stacked", r"^s\)*;\)*[TE]"),
        ("break_concat", r"^s[om&][(!]*(?:E|[fx]\(|v)[^w]?"),
        ("break_compare", r"^s\)*(?:[om][(!om]*|!?k[(]*)s(?:$|[&omc])"),
        ("break_clause", r"^s\)*(?:H|OY|B(?:n|w[ok])|F)[nsw(]"),
        ("break_select", r"^s\)*[om&]?\(+E"),
        ("break_tail", r"^s.{0,60}c$"),
        ("break_string", r"^s(?:[&om]s){1,}$"),
    )
)
_STATEMENT = re.compile(
    r"\b(?:insert\s{1,8}into\s{1,8}[\w.`\"\[\]]+\s{0,8}(?:\(|values|select)|delete\s{1,8}from\s{1,8}\w{1,64}(?:\s{0,8}$|\s{1,8}where|\s{0,8};|\s{0,8}-)"
    r"|drop\s{1,8}(?:table|database|user|view|column|schema|procedure)\s{1,8}(?:if\s{1,8}exists\s{1,8})?[\w.`\"\[]+\s{0,8}(?:;|--|$|/|#|\*|,)"
    r"|update\s{1,8}[\w.`\[\]]+\s{1,8}set\s{1,8}\w{1,64}\s{0,8}="
    r"|truncate\s{1,8}table\s{1,8}\w{1,64}|alter\s{1,8}(?:table|database|user|login)\s{1,8}[\w.]+\s{1,8}(?:add|drop|modify|alter|with|identified|enable)"
    r"|create\s{1,8}(?:table|user|database|login|procedure|function)\s{1,8}[\w.]+\s{0,8}(?:\(|identified|with|as)"
    r"|waitfor\s{1,8}(?:delay|time)\s{0,8}['\"(]?|exec(?:ute)?\s{0,8}(?:\(|\s)\s{0,8}(?:master|sp_|xp_|immediate|@|\(?\s{0,8}['\"]|char|sys)"
    r"|into\s{1,8}(?:out|dump)file\s{0,8}['\"]|load\s{1,8}data\s{1,8}(?:local\s{1,8})?infile|procedure\s{1,8}analyse\s{0,8}\(|xp_cmdshell|sp_executesql"
    r"|declare\s{1,8}@\w{1,64}|select\s{1,8}@@\w{1,64}|;\s{0,8}shutdown|copy\s{1,8}\w{1,64}\s{1,8}(?:from|to)\s{1,8}(?:program\s{0,8})?'|bulk\s{1,8}insert|sp_password|sp_makewebtask"
    r"|grant\s{1,8}\w{1,64}(?:\s{1,8}\w{1,64})?\s{1,8}(?:on|to)\s{1,8}\w{1,64}|begin\s{1,8}declare|rdb\$\w{1,64}|msysaccessobjects|sysibm\.|all_users|dba_users|user_tables"
    r"|syscolumns|sysobjects|sqlite_master|pg_shadow|xmltype\s{0,8}\(|autonomous_transaction)"
)
_SPREAD = re.compile(
    r"un[\W_]{1,8}ion\W{1,20}se[\W_]{1,8}lect|uni[\W_]{1,8}on\W{1,20}sel[\W_]{1,8}ect|u%6eion|se%6cect|%55nion|%53elect"
)
_INNER_COMMENT = re.compile(r"/\*[^*]{0,200}+\*/")
_PROSE = re.compile(r"(?:\b[a-z]{2,20}[,.]? ){5,}")
_ENCLOSED = re.compile(r"\\{1,8}(['\"])")


def confirm(value: Value) -> list[Signal]:
    """Signals of SQL in ``value``."""
    text = value.lower
    if text.startswith(("http://", "https://")) and "?" in text and "'" not in text and '"' not in text:
        return []  # The query of a URL is a tree of values of its own, read one by one.
    if "\\" in text:
        text = _ENCLOSED.sub(r"\1", text)
    contexts = [tokenize(text)]
    if "'" in text:
        contexts.append(tokenize(text, "'"))
    if '"' in text:
        contexts.append(tokenize(text, '"'))
    if "`" in text:
        contexts.append(tokenize(text, "`"))
    signals: list[Signal] = []
    names: set[str] = set()
    for index, tokens in enumerate(contexts):
        groups = _ANYWHERE + _QUOTED if index else _ANYWHERE
        for name, pattern in groups:
            if name in names:
                continue
            match = pattern.search(tokens.shape)
            if match is not None and _plausible(name, tokens, match):
                names.add(name)
                signals.append(Signal(name, " ".join(tokens.words[match.start() : match.end()])[:400]))
    if contexts[0].versioned:
        signals.append(Signal("versioned", text[:200]))
    if contexts[0].split and signals:
        signals.append(Signal("comment_split", text[:200]))
    spaced = shorten_spaces(_INNER_COMMENT.sub(" ", text)) if "/*" in text else text
    for name, pattern in (("statement", _STATEMENT), ("spread", _SPREAD)):
        match = pattern.search(spaced)
        if match is not None:
            signals.append(Signal(name, match[0]))
    if signals and value.short and _PROSE.search(text) is not None:
        signals.append(Signal("prose", ""))
    return signals


def _plausible(name: str, tokens: Tokens, match: re.Match[str]) -> bool:
    """Reject what the shape cannot tell: ``#`` before text is no comment in a value like ``7" #2 needle``."""
    if name in ("break_comment", "tail", "break_tail"):
        comment = tokens.words[match.end() - 1]
        if comment.startswith("#"):
            return len(comment) == 1 or not comment[1:2].isalnum() or name != "break_comment"
        return not comment.startswith("--") or not (comment[2:3].isalpha() or comment[2:3] in ("-", ">"))
    return True


_TRIGGERS = (
    r"(?:^|[^\w=&?;.-])\d{1,12}\s*=\s*\d",
    r"\bx?or\s*['\"(]",
    r"\Wwhen\s*\(?\s*\d",
    r"like\s{0,3}['\"%(\d]",
    r"['\")\d]\s*(?:not\s+)?like\W",
    r"['\"`)]\s*;?\s*(?:/\*[^*]{0,64}\*/)?\s*#",
    r"insert\W{1,32}into",
    r"delete\W{1,32}from",
    r"update\W[^=]{1,80}\Wset\W",
    r"drop\W{1,32}(?:table|database|user|view|column|schema|procedure)",
    r";[\s(]*(?:/\*[^*]{0,64}\*/)?[\s(]*(?:insert|update|delete|drop|begin|replace|set|load|rename|call|kill|merge|backup|restore|revoke|raiserror|print|show|desc|use|if)\W",
    r"(?:insert|update|delete|drop)/\*",
)

TYPE = AttackType(
    code="sqli",
    literals=(
        "union", "select", "exec", "declare", "having", "order by", "group by",
        "order/", "by/", "waitfor", "benchmark", "sleep", " or ", "'or", "\"or", ")or", "||", "&&", " and ", "'and", ")and",
        "\"and", "xor", "or(", "or/", "and/", "and(", "or+", "and+", "or\t", "and\t", "or\n", "and\n", "or'", "and'", "or\"",
        "and\"", "or!", "or~", "or-", "and-", "--", "/*", "'#", "\"#", ")#", "';", "';", "\";", "'=", "\"=", "' =", "'+", "'-", "'|", "@@",
        "char(", "chr(", "concat", "schema", "extractvalue", "updatexml", "load_file", "outfile", "dumpfile",
        "xp_", "sp_", "shutdown", "truncate", "procedure", "utl_", "dbms_", "pg_", "sysobjects", "syscolumns", "rdb$",         "between", "div ", "mod ", " rlike", " regexp", "limit", " where", "'where", "grant ", "alter ", "create ", "'%",
    ),
    confirm=confirm,
    triggers=_TRIGGERS,
    ignored_headers=frozenset(("CONTENT-TYPE", "ACCEPT", "SEC-CH-UA", "IF-NONE-MATCH", "SEC-CH-UA-FULL-VERSION-LIST")),
    weights={
        "union_select": 6.0, "select_from": 2.5, "select_list": 1.3, "subselect": 3.0, "tautology": 4.5, "tautology_mixed": 2.5,
        "logic_function": 2.5, "logic_select": 3.0, "strong_function": 3.0, "schema": 3.0, "order_by": 3.5, "having": 3.5,
        "stacked": 2.5, "stacked_end": 2.5, "limit": 1.0, "variable": 0.5, "tail": 1.5, "case_when": 2.0, "break_logic": 4.5,
        "break_logic_word": 2.5, "break_comment": 4.5, "break_union": 2.0, "break_stacked": 3.0, "break_concat": 4.0,
        "break_compare": 3.5, "break_clause": 2.5, "break_select": 4.0, "break_tail": 1.5, "break_string": 2.5, "versioned": 5.0,
        "comment_split": 1.0, "statement": 4.2, "spread": 5.0, "where_constant": 4.1, "order_number": 4.2, "union_end": 4.2, "number_function": 4.1, "select_function": 4.1, "function_condition": 4.1, "function_after": 4.1, "prose": -2.0,
    },
)  # fmt: skip
