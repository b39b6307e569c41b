"""SQL injection (CWE-89): a grammar over token classes in three quote contexts (see ``sql_tokens``)."""

from __future__ import annotations

import re

from processing_py.detect.types.sql_tokens import Tokens, tokenize
from processing_py.detect.value import PROSE_LENGTH, AttackType, Signal, Value

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
    r"\b(?:insert\s+into\s+[\w.`\"\[\]]+\s*(?:\(|values|select)|delete\s+from\s+\w+(?:\s*$|\s+where|\s*;|\s*-)"
    r"|drop\s+(?:table|database|user|view|column|schema|procedure)\s+(?:if\s+exists\s+)?[\w.`\"\[]+\s*(?:;|--|$|/|#|\*|,)"
    r"|update\s+[\w.`\[\]]+\s+set\s+\w+\s*="
    r"|truncate\s+table\s+\w+|alter\s+(?:table|database|user|login)\s+[\w.]+\s+(?:add|drop|modify|alter|with|identified|enable)"
    r"|create\s+(?:table|user|database|login|procedure|function)\s+[\w.]+\s*(?:\(|identified|with|as)"
    r"|waitfor\s+(?:delay|time)\s*['\"(]?|exec(?:ute)?\s*(?:\(|\s)\s*(?:master|sp_|xp_|immediate|@|\(?\s*['\"]|char|sys)"
    r"|into\s+(?:out|dump)file\s*['\"]|load\s+data\s+(?:local\s+)?infile|procedure\s+analyse\s*\(|xp_cmdshell|sp_executesql"
    r"|declare\s+@\w+|select\s+@@\w+|;\s*shutdown|copy\s+\w+\s+(?:from|to)\s+(?:program\s*)?'|bulk\s+insert|sp_password|sp_makewebtask"
    r"|grant\s+\w+(?:\s+\w+)?\s+(?:on|to)\s+\w+|begin\s+declare|rdb\$\w+|msysaccessobjects|sysibm\.|all_users|dba_users|user_tables"
    r"|syscolumns|sysobjects|sqlite_master|pg_shadow|xmltype\s*\(|autonomous_transaction)"
)
_SPREAD = re.compile(
    r"un[\W_]{1,8}ion\W{1,20}se[\W_]{1,8}lect|uni[\W_]{1,8}on\W{1,20}sel[\W_]{1,8}ect|u%6eion|se%6cect|%55nion|%53elect"
)
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
    for name, pattern in (("statement", _STATEMENT), ("spread", _SPREAD)):
        match = pattern.search(text)
        if match is not None:
            signals.append(Signal(name, match[0]))
    if signals and len(text) < PROSE_LENGTH and _PROSE.search(text) is not None:
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


TYPE = AttackType(
    code="sqli",
    literals=(
        "union", "select", "insert", "update", "delete", "drop", "exec", "declare", "having", "order by", "group by",
        "order/", "by/", "waitfor", "benchmark", "sleep", " or ", "'or", "\"or", ")or", "||", "&&", " and ", "'and", ")and",
        "\"and", "xor", "or(", "or/", "and/", "and(", "or+", "and+", "or\t", "and\t", "or\n", "and\n", "or'", "and'", "or\"",
        "and\"", "or!", "or~", "or-", "and-", "--", "/*", "'#", "\"#", ")#", "';", "';", "\";", "'=", "\"=", "' =", "'+", "'-", "'|", "@@",
        "char(", "chr(", "concat", "0x", "schema", "extractvalue", "updatexml", "load_file", "outfile", "dumpfile",
        "xp_", "sp_", "shutdown", "truncate", "procedure", "utl_", "dbms_", "pg_", "sysobjects", "syscolumns", "rdb$", "like",
        "between", "div ", "mod ", " rlike", " regexp", "limit", " where", "'where", "grant ", "alter ", "create ", "#", "'%",
    ),
    confirm=confirm,
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
