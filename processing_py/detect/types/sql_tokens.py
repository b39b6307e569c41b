"""SQL as a string of token classes, for the grammar in ``sqli``.

A value is read in three contexts: as it stands, and as if it began inside a string quoted by ' or by ". In the latter
the first token is what closes that string. One letter a token:

``n`` number or NULL/TRUE · ``s`` string · ``v`` @variable · ``w`` word · ``f`` SQL function before ``(`` ·
``x`` time, file or error function before ``(`` · ``o`` comparison · ``m`` arithmetic · ``k`` LIKE, IN, BETWEEN, IS, REGEXP ·
``&`` AND, OR, XOR, ||, && · ``!`` NOT · ``U`` UNION · ``A`` ALL, DISTINCT · ``E`` SELECT · ``F`` FROM · ``T`` first word
of a statement · ``H`` HAVING · ``O`` ORDER, GROUP · ``Y`` BY · ``B`` other clause words · ``c`` comment that ends the
value · ``*`` · ``(`` ``)`` ``,`` ``;`` ``.`` themselves · ``?`` anything else.

Comments inside are white space, as in MySQL and others. Cost: linear, at most ``TOKENS`` tokens.
"""

from __future__ import annotations

import re
from typing import NamedTuple

TOKENS = 4096

_TOKEN = re.compile(
    r"""
    (?P<ws>[\s\xa0]+)
  | (?P<versioned>/\*!\d{0,6})
  | (?P<close>\*/)
  | (?P<comment>--(?=[\s\-+;'")*]|$|\w)[^\n]*|\#[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|$))
  | (?P<number>0x[0-9a-f]+|x'[0-9a-f]*'|b'[01]*'|(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?(?=union|from|or\b|and\b|[^a-z_\d]|$))
  | (?P<string>'(?:[^'\\]++|\\.|'')*+(?:'|$)|"(?:[^"\\]++|\\.|"")*+(?:"|$)|`[^`]*(?:`|$))
  | (?P<variable>@@?[\w.$]+)
  | (?P<word>[a-z_\x80-\uffff][\w$]*(?:\.[a-z_][\w$]*)*)
  | (?P<logic>\|\||&&)
  | (?P<operator><=>|<>|!=|<=|>=|:=|[=<>])
  | (?P<arithmetic><<|>>|::|[~^|&%/+!-])
  | (?P<mark>[(),;*.])
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def _classes(**words: str) -> dict[str, str]:
    return {word: letter for letter, group in words.items() for word in group.split()}


WORDS = _classes(
    U="union except intersect",
    A="all distinct distinctrow",
    E="select",
    F="from",
    T="insert update delete drop alter create truncate exec execute declare merge shutdown grant revoke waitfor backup "
    "restore call handler if begin replace set load rename use print raiserror kill describe desc show",
    H="having",
    O="order group",
    Y="by",
    B="where limit offset into procedure values asc as on join inner left right outer cross when then case else end "
    "outfile dumpfile table database index view user column top fetch using escape collate delay for separator returning",
    k="like rlike ilike in between is regexp glob similar sounds match overlaps",
    n="null true false",
)
WORDS.update({"and": "&", "or": "&", "xor": "&", "div": "&", "mod": "&", "not": "!", "binary": "!"})

FUNCTIONS = frozenset(
    "abs aes_decrypt ascii asciistr atan avg bin bin_to_num bit_length bit_count cast ceil ceiling char char_length character_length "
    "charindex chr coalesce cos compress concat concat_ws conv convert count crc32 current_user database "
    "datediff date_add db_name decode degrees elt encode exists exp field find_in_set floor format greatest group_concat "
    "hex host_name if ifnull iif in instr isnull json_array json_depth json_extract json_keys json_length json_object json_quote "
    "json_type json_valid last_insert_id lcase least left len length like ln "
    "local_time locate log lower lpad ltrim make_set master_pos_wait max md5 mid min mod name_const now nullif nvl object_id "
    "octet_length ord position pow power quarter quote radians rand random randomblob regexp_substring regexp_like "
    "repeat replace replicate reverse right round row row_count row_to_json rtrim schema sha sha1 sign sin "
    "soundex space sqlite_version sqrt stddev strcmp string_agg stuff substr substring substring_index sum "
    "suser_sname suser_name sysdate system_user to_char to_number to_base64 translate trim truncate typeof ucase "
    "unhex unicode upper user user_id user_name uuid values varchar version year xmlagg xmlelement xmltype "
    "zeroblob quotename array_agg any_value bit_and bit_or json_arrayagg query_to_xml cot from_base64 int integer numeric "
    "true false number nchar patindex procedure_analyse dec session_user is_srvrolemember is_member has_dbaccess "
    "xmlparse st_latfromgeohash st_longfromgeohash st_pointfromgeohash gtid_subset gtid_subtract polygon geometrycollection "
    "multipoint linestring multilinestring multipolygon point".split()
)
STRONG = frozenset(
    "sleep benchmark pg_sleep extractvalue updatexml load_file xp_cmdshell xp_dirtree xp_regread utl_inaddr.get_host_address "
    "utl_inaddr.get_host_name utl_http.request dbms_pipe.receive_message dbms_lock.sleep dbms_java.runjava "
    "ctxsys.drithsx.sn dbms_ldap.init dbms_xmlgen.getxml dbms_utility.sqlid_to_sqlhash openrowset opendatasource openquery "
    "load_extension generate_series information_schema pg_read_file lo_import lo_export procedure_analyse randomblob "
    "sys_exec sys_eval sqlite_compileoption_used get_lock is_free_lock regexp_substring httpuritype xmltype".split()
)


class Tokens(NamedTuple):
    """``shape`` has one letter for each entry of ``words`` (the token as written)."""

    shape: str
    words: list[str]
    versioned: bool
    """A ``/*!`` comment, which only MySQL runs, was seen."""
    split: bool
    """Comments stood where white space would."""


def tokenize(text: str, quote: str = "") -> Tokens:
    """Tokenize lower-case ``text``, inside a string quoted by ``quote`` when given."""
    shape: list[str] = []
    words: list[str] = []
    position = 0
    versioned = split = False
    if quote:
        position = text.find(quote) + 1
        shape.append("s")
        words.append(text[:position])
    for match in _TOKEN.finditer(text, position):
        kind = match.lastgroup
        if kind == "ws" or kind == "close":
            continue
        token = match[0]
        if kind == "versioned":
            versioned = True
            continue
        if kind == "comment":
            if match.end() < len(text) and token.startswith("/*"):
                split = True
                continue
            letter = "c"
        else:
            letter = _letter(kind or "other", token, text, match.end())
        shape.append(letter)
        words.append(token)
        if len(shape) >= TOKENS:
            break
    return Tokens("".join(shape), words, versioned, split)


_LETTERS = {
    "number": "n",
    "string": "s",
    "variable": "v",
    "logic": "&",
    "operator": "o",
    "arithmetic": "m",
    "other": "?",
}
_OPENS = re.compile(r"(?:\s|/\*(?:[^*]|\*(?!/)){0,64}\*/){0,8}\(")


def _letter(kind: str, token: str, text: str, end: int) -> str:
    if kind == "mark":
        return token
    if kind != "word":
        return _LETTERS[kind]
    if token in STRONG and (_OPENS.match(text, end) or token == "information_schema"):
        return "x"
    letter = WORDS.get(token)
    if letter is not None and not (letter == "B" and token in FUNCTIONS):
        return letter
    if token in FUNCTIONS and _OPENS.match(text, end):
        return "f"
    if token.startswith(("information_schema.", "sys.", "mysql.user", "pg_catalog.", "master..", "master.dbo.xp")):
        return "x"
    return letter or "w"
