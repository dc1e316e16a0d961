"""Messages of our own with the traits of RFC 4475 section 3, one or more for each of its messages."""

from __future__ import annotations

from tests.unit.sip.torture.cases import Case, accepted, hopeless, message, noted, refused

OPTIONS = "OPTIONS sip:agent0042@pbx.example SIP/2.0"
INVITE = "INVITE sip:agent0042@pbx.example SIP/2.0"
REGISTER = "REGISTER sip:pbx.example SIP/2.0"
SDP = (
    b"v=0\r\no=planner 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4 RTP/AVP 0\r\n"
)

TORTUOUS = (
    b"INVITE sip:agent0042@pbx.example;odd-flag SIP/2.0\r\n"
    b"tO  :\r\n\t sip:agent0042@pbx.example ;  TAG\t =  zz9\r\n"
    b'from :   "The \\\\ \\"Planner\\""      <sip:planner@wfm.example>\r\n ;\r\n  tag = n7\r\n'
    b"mAX-fORWARDS: 0069\r\n"
    b"i: twisted@192.0.2.7\r\n"
    b"content-length\t: 90\r\n"
    b"CSEQ: 0007\r\n  INVITE\r\n"
    b"vIa : SIP /\r\n 2.0/UDP\r\n  192.0.2.7;branch=of-long-ago\r\n"
    b"S :\r\n"
    b"X-Shift-Trade: one value\r\n that goes on\r\n"
    b"X-Odd: ;,;;,\r\n"
    b"C: application/sdp\r\n"
    b"Route:\r\n <sip:edge.example;lr;odd=value;flag>\r\n"
    b"v:  SIP / 2.0 / TCP   inner.example  ;\r\n  branch =  z9hG4bKa7  ,\r\n"
    b" SIP/2.0  /UDP 192.0.2.8  ; branch=\r\n z9hG4bKb8\r\n"
    b'm:"Desk \\"7\\"" <sip:planner@192.0.2.7> ; newparam =\r\n   newvalue ;\r\n  flag ; q = 0.25\r\n'
    b"\r\n" + SDP
)

ODD_METHOD = "!shift-Trade.0_9*+`%x'~"
WIDE = message(
    f"{ODD_METHOD} sip:odd_User.~(is-it!)&isn't+so$/y?,/;;*:&p+w=1,o!*d$s~d.(s'o)@pbx.example SIP/2.0",
    "Via: SIP/2.0/TCP one.example;branch=z9hG4bK!%7A.-*_+`'~",
    b'To: "TAB:\\\t NUL:\\\0 DEL:\\\x7f BELL:\\\x07" <sip:odd_User.~(is-it!)&isn\'t+so$/y?,/;;*@pbx.example>',
    "From: word1~` word2'+_ word3*%!.- <sip:planner@wfm.example>;p''~+*_!.-%=\"смена\";tag=_t~1'+`*%!-.",
    "Call-ID: w%Z-!.*_+'@h`~)(><:\\/\"][?}{",
    f"CSeq: 139000111 {ODD_METHOD}",
    "Max-Forwards: 255",
    "x-ext!.%*+_`'~:\ufeff勤務",
)

PARTS = (
    b"A line for readers without MIME\r\n"
    b"--shift-42\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: binary\r\n\r\nSwap?\r\n"
    b"--shift-42\r\nContent-Type: application/octet-stream\r\n\r\n\x00\xff\r\n\r\n--not-it\r\n\r\n"
    b"--shift-42--\r\nAnd one after"
)

VALID = [
    accepted(
        "3.1.1.1", "blanks and folds wherever the grammar has room", TORTUOUS, "header.folded", "via.branch"
    ),
    accepted("3.1.1.2", "every character that a token, user part or quoted string may hold", WIDE),
    accepted(
        "3.1.1.3",
        "escapes in user, parameter and header",
        message(
            "INVITE sip:sips%3Aagent%40pbx.example@edge.example SIP/2.0",
            "To: sip:%61gent0042@pbx.example",
            "Contact: <sip:pl%61nner@host.example;%6C%72;n%61me=v%61lue%25%34%31>",
        ),
    ),
    accepted(
        "3.1.1.4",
        "NUL, escaped, in the user part",
        message(
            REGISTER,
            "To: sip:a-%00-b@pbx.example",
            "From: sip:a-%00-b@pbx.example;tag=1",
            "Contact: <sip:%00@192.0.2.7>",
            "Contact: <sip:%00%00@192.0.2.7>",
        ),
    ),
    accepted(
        "3.1.1.5",
        "a percent sign that begins no escape",
        message(
            "RE%47IST%45R sip:pbx.example SIP/2.0",
            'To: "%Q%55" <sip:agent0042@pbx.example>',
            "CSeq: 7 RE%47IST%45R",
            "Contact: <sip:planner@192.0.2.7>",
            "X%58: no X",
        ),
    ),
    accepted(
        "3.1.1.6",
        "no blank before the bracket",
        message(OPTIONS, "From: Planner<sip:planner@wfm.example>;tag=1"),
    ),
    accepted(
        "3.1.1.7",
        "long names, long values, many Via",
        message(
            INVITE,
            f'To: "{"very " * 60}long"<sip:agent0042@pbx.example:6000;'
            f"p={'long' * 60};{'name' * 60}=v;{'flag' * 60}>",
            f"From: sip:{'planner' * 40}@wfm.example;tag=1{'982' * 90};{'name' * 50}={'value' * 50}",
            f"Call-ID: {'really' * 60}",
            f"X-{'Long' * 40}-Name: {'value' * 60};{'name' * 60} ={'value' * 60}",
            *(
                f"{name}: SIP/2.0/TCP hop{n}.example"
                for n, name in enumerate(["Via", "v", "V", "vIA", "via "] * 7)
            ),
            f"Via: SIP/2.0/TCP last.example;received=192.0.2.9;branch={'long' * 60}",
            body=SDP,
        ),
    ),
    accepted(
        "3.1.1.8",
        "octets after the body that Content-Length ends",
        message(REGISTER, "Contact: <sip:a@192.0.2.7>") + message(INVITE, body=SDP),
        "content-length.excess",
    ),
    accepted(
        "3.1.1.9",
        "semicolons in the user part",
        message("OPTIONS sip:agent;desk=7%40hall@pbx.example SIP/2.0"),
    ),
    accepted(
        "3.1.1.10",
        "transports known and unknown",
        message(
            OPTIONS,
            *(
                f"Via: SIP/2.0/{name} t{name}.example;branch=z9hG4bK{name}"
                for name in ("UDP", "SCTP", "TLS", "CARRIER")
            ),
        ),
    ),
    accepted(
        "3.1.1.11",
        "several parts, one of them binary",
        message(
            "MESSAGE sip:agent0042@pbx.example SIP/2.0",
            'Content-Type: multipart/mixed;boundary="shift-42"',
            body=PARTS,
        ),
    ),
    accepted(
        "3.1.1.12",
        "a reason phrase of signs and Cyrillic",
        message("SIP/2.0 200 = 10**2 * 2 смена принята", body=SDP),
    ),
    accepted("3.1.1.13", "an empty reason phrase", message("SIP/2.0 100 ")),
]

INVALID = [
    noted(
        "3.1.2.1",
        "separators with nothing between them",
        message(INVITE, "Via: SIP/2.0/UDP 192.0.2.7;;,;,,", 'Contact: "Desk" <sip:planner@192.0.2.7>;;;;'),
        "header.separators",
    ),
    refused(
        "3.1.2.2",
        "Content-Length beyond the datagram",
        message(INVITE, "Content-Length: 9999", body=SDP),
        "content-length.short",
    ),
    refused(
        "3.1.2.3",
        "a negative Content-Length",
        message(INVITE, "Content-Length: -102", body=SDP),
        "content-length.unreadable",
    ),
    noted(
        "3.1.2.4",
        "numbers of a request beyond their range",
        message(
            REGISTER,
            "CSeq: 18446744073709551616 REGISTER",
            "Max-Forwards: 900",
            "Expires: 99999999999999999999999999",
            "Contact: <sip:a@192.0.2.7>;expires=123456789012345",
        ),
        "value.unreadable",
        "value.range",
    ),
    noted(
        "3.1.2.5",
        "numbers of a response beyond their range",
        message(
            "SIP/2.0 503 Service Unavailable",
            "CSeq: 98765432109876543210 OPTIONS",
            "Retry-After: 98765432109876543210",
            'Warning: 18120 edge.example "beyond"',
        ),
        "value.unreadable",
    ),
    noted(
        "3.1.2.6",
        "a quoted string without an end",
        message(INVITE, 'To: "Agent 42 <sip:agent0042@pbx.example>'),
        "header.open-quote",
        "value.unreadable",
    ),
    refused(
        "3.1.2.7",
        "angle brackets around the Request-URI",
        message("INVITE <sip:agent0042@pbx.example> SIP/2.0"),
        "start-line.brackets",
    ),
    hopeless(
        "3.1.2.8",
        "a blank within the Request-URI",
        message("INVITE sip:agent0042@pbx.example; lr SIP/2.0"),
        "start-line.unreadable",
    ),
    noted(
        "3.1.2.9",
        "several blanks between the parts of the request line",
        message("INVITE  sip:agent0042@pbx.example  SIP/2.0"),
        "start-line.blanks",
    ),
    noted(
        "3.1.2.10",
        "blanks at the end of the request line",
        message("OPTIONS sip:agent0042@pbx.example SIP/2.0  "),
        "start-line.blanks",
    ),
    noted(
        "3.1.2.11",
        "headers in the Request-URI",
        message("INVITE sip:agent0042@pbx.example?Route=%3Csip:edge.example%3E SIP/2.0"),
        "start-line.uri-headers",
    ),
    noted(
        "3.1.2.12", "a Date not in GMT", message(INVITE, "Date: Fri, 02 Jan 2026 09:00:00 CST"), "date.zone"
    ),
    noted(
        "3.1.2.13",
        "a Contact that needs brackets and has none",
        message(REGISTER, "Contact: sip:agent0042@pbx.example?Route=%3Csip:edge.example%3E"),
        "address.unbracketed",
    ),
    noted(
        "3.1.2.14",
        "blanks within the angle brackets",
        message(OPTIONS, 'To: "Agent, 42" < sip:agent0042@pbx.example >'),
        "address.blanks",
    ),
    noted(
        "3.1.2.15",
        "a comma in a display name without quotes",
        message(OPTIONS, "From: Planner, Shift <sip:planner@wfm.example>;tag=1"),
        "address.display-name",
    ),
    hopeless(
        "3.1.2.16",
        "a version that nobody knows",
        message("OPTIONS sip:agent0042@pbx.example SIP/8.0"),
        "start-line.version",
    ),
    noted("3.1.2.17", "CSeq names another method", message(OPTIONS, "CSeq: 8 INVITE"), "cseq.method"),
    noted(
        "3.1.2.18",
        "an unknown method, and CSeq names another",
        message("SwapShift sip:agent0042@pbx.example SIP/2.0", "CSeq: 8 INVITE"),
        "cseq.method",
    ),
    hopeless(
        "3.1.2.19",
        "a status code beyond 32 bits",
        message("SIP/2.0 4294967297 mind the overflow"),
        "start-line.status",
    ),
]

LATER_LAYERS = [
    noted(
        "3.2.1",
        "a branch that is only the magic cookie",
        message(OPTIONS, "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK"),
        "via.branch-empty",
    ),
    noted("3.3.1", "no Call-ID, From and To", message(INVITE, without="call-id from to"), "header.missing"),
    hopeless(
        "3.3.2",
        "a Request-URI of an unheard-of scheme",
        message("OPTIONS shiftboard:page-seven SIP/2.0"),
        "start-line.uri",
    ),
    hopeless(
        "3.3.3",
        "a Request-URI of a scheme that is not for SIP",
        message("OPTIONS soap.beep://192.0.2.9:3002 SIP/2.0"),
        "start-line.uri",
    ),
    accepted(
        "3.3.4",
        "unknown schemes in To, From and Contact",
        message(
            REGISTER,
            "To: urn:shift:77",
            "From: <http://wfm.example/planner>;tag=1",
            "Contact: <desk:seven>",
        ),
        "value.unknown-scheme",
    ),
    accepted(
        "3.3.5",
        "extensions required that nobody has",
        message(OPTIONS, "Require: nobody-has-this, nor-this", "Proxy-Require: no-proxy-has-this"),
    ),
    accepted(
        "3.3.6",
        "a body of an unknown type",
        message(INVITE, "Content-Type: application/shift-swap", body=b"<swap a='7' b='42'/>"),
    ),
    accepted(
        "3.3.7",
        "an unknown authentication scheme",
        message(REGISTER, "Authorization: Badge number=42"),
        "credentials.scheme",
    ),
    noted(
        "3.3.8",
        "headers twice that may come once",
        message(
            INVITE,
            "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKtwice",
            "From: <sip:planner@wfm.example>;tag=1",
            "From: <sip:planner@wfm.example>;tag=2",
            "To: <sip:agent0042@pbx.example>",
            "To: <sip:agent0043@pbx.example>",
            "Call-ID: first",
            "Call-ID: second",
            "CSeq: 5 INVITE",
            "CSeq: 59 INVITE",
            "Max-Forwards: 70",
            "Max-Forwards: 5",
        ),
        "header.repeated",
    ),
    noted(
        "3.3.9",
        "two values of Content-Length",
        message(OPTIONS, "Content-Length: 5", "Content-Length: 3", "Content-Type: text/plain", body=b"seven"),
        "header.repeated",
    ),
    accepted(
        "3.3.10",
        "a response whose next hop is the broadcast address",
        message(
            "SIP/2.0 200 OK",
            "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKmine",
            "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bKall",
            body=SDP,
        ),
        "via.broadcast",
    ),
    accepted("3.3.11", "no hop is left", message(OPTIONS, "Max-Forwards: 0"), "max-forwards.zero"),
    accepted(
        "3.3.12",
        "a parameter of the Contact header",
        message(REGISTER, "Contact: sip:agent0042@192.0.2.7;unknownparam=7"),
    ),
    accepted(
        "3.3.13",
        "a parameter of the Contact's URI",
        message(REGISTER, "Contact: <sip:agent0042@192.0.2.7;unknownparam=7>"),
    ),
    accepted(
        "3.3.14",
        "headers in the Contact's URI",
        message(REGISTER, "Contact: <sip:agent0042@192.0.2.7?Route=%3Csip:edge.example%3E>"),
    ),
    accepted("3.3.15", "Accept without SDP", message(INVITE, "Accept: text/shift-board", body=SDP)),
    accepted(
        "3.4.1",
        "a caller of RFC 2543",
        message(
            INVITE,
            "Via: SIP/2.0/UDP gateway.example",
            "From: <sip:+13125550142@gateway.example;user=phone>",
            "Record-Route: <sip:agent0042@pbx.example;maddr=edge.example>",
            body=SDP,
            without="max-forwards contact",
        ),
        "via.branch",
        "address.no-tag",
        "max-forwards.missing",
    ),
]

CASES: list[Case] = [*VALID, *INVALID, *LATER_LAYERS]
