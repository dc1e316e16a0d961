"""The sentences of PBXs, firewalls and clouds that say why, each under the name the catalogue knows it by.

Sources: facts on Kamailio (K...), Asterisk (A..., C8) and FreeSWITCH (F...), and those programs' own format
strings. The first phrase that fits a line counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_HOST = r"(?P<source>[0-9a-fA-F.:]{3,45}?)"
_QUOTED_HOST = rf"'(?:[a-z]{{2,4}}:)?\[?{_HOST}\]?(?::\d{{1,5}})?'"
_CHAN_SIP = rf"Registration from '(?P<user>[^\n]{{0,256}}?)' failed for {_QUOTED_HOST} - "
_PJSIP = (
    rf"Request '[\w-]+' from '(?P<user>[^\n]{{0,256}}?)' failed for {_QUOTED_HOST} \(callid: [^)\n]*\) - "
)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A kind of remark and how its lines read; groups ``source`` and ``user`` where the line has them."""

    kind: str
    pattern: re.Pattern[str]
    needs: re.Pattern[str] | None = None
    """What must stand in the line as well: a syslog is everybody's."""


_KAMAILIO = re.compile(
    r"kamailio|opensips|openser|<script>|\b(?:pike|auth|auth_db|registrar|sanity|permissions|core>|maxfwd|pipelimit"
    r"|ratelimit|usrloc|uac|tm|sl|xlog|htable) \["
)


_API_ERROR = r"(?=.*\"(?:contextId|messageParams|messageWithParams)\")"
"""Of a REST API's error body (facts/genesys.md, ErrorBody): any program's JSON may have a ``status``."""


def _phrase(kind: str, pattern: str, *, ignore_case: bool = False) -> Phrase:
    needs = _KAMAILIO if kind.startswith("kamailio.") else None
    return Phrase(kind, re.compile(pattern, re.IGNORECASE if ignore_case else 0), needs)


PHRASES = (
    _phrase("asterisk.wrong-password", rf"{_CHAN_SIP}Wrong password"),
    _phrase("asterisk.no-peer", rf"{_CHAN_SIP}No matching peer found"),
    _phrase("asterisk.acl", rf"{_CHAN_SIP}Device does not match ACL"),
    _phrase("asterisk.not-local-domain", rf"{_CHAN_SIP}Not a local domain"),
    _phrase("asterisk.not-supposed-to-register", rf"{_CHAN_SIP}Peer is not supposed to register"),
    _phrase("asterisk.auth-mismatch", rf"{_CHAN_SIP}Username/auth name mismatch"),
    _phrase("asterisk.transport-type", rf"{_CHAN_SIP}Device not configured to use this transport type"),
    _phrase("asterisk.no-endpoint", rf"{_PJSIP}No matching endpoint found"),
    _phrase("asterisk.endpoint-acl", rf"{_PJSIP}Not match Endpoint ACL"),
    _phrase("asterisk.contact-acl", rf"{_PJSIP}Not match Endpoint Contact ACL"),
    _phrase("asterisk.failed-to-authenticate", rf"{_PJSIP}Failed to authenticate"),
    _phrase(
        "asterisk.global-acl",
        rf"Incoming SIP message from (?:[A-Z]{{2,4}}:)?\[?{_HOST}\]?(?::\d{{1,5}})? did not pass ACL test",
    ),
    _phrase("asterisk.no-aors", r"[Ee]ndpoint '(?P<user>[^'\n]*)' has no configured AORs"),
    _phrase("asterisk.no-max-contacts", r"'(?P<user>[^'\n]*)' has no configured max_contacts"),
    _phrase("asterisk.max-contacts", r"'(?P<user>[^'\n]*)' will exceed max contacts"),
    _phrase("asterisk.aor-not-found", r"AOR '(?P<user>[^'\n]*)' not found"),
    _phrase("asterisk.contact-invalid", r"Failed to validate contacts"),
    _phrase("asterisk.overload", r"Taskprocessor overload"),
    _phrase("asterisk.forbidden-fatal", r"403 Forbidden fatal response received"),
    _phrase("freeswitch.register-acl", rf"IP {_HOST} Rejected by register acl"),
    _phrase("freeswitch.acl", rf"IP {_HOST} Rejected by acl"),
    _phrase(
        "freeswitch.auth-failure",
        r"SIP auth failure \([A-Z]+\) on sofia profile \S+ for \[(?P<user>[^\]\n]*)\] "
        rf"from ip {_HOST}(?=\s|$)",
    ),
    _phrase(
        "freeswitch.unknown-user",
        rf"[Cc]an't find user \[(?P<user>[^\]\n]*)\](?: from {_HOST}(?=\s|$))?",
    ),
    _phrase("freeswitch.max-registrations", r"exceeds? max[- ]registrations|Max(?:imum)? [Rr]egistrations"),
    _phrase("freeswitch.max-sessions", r"Over Session (?:Limit|Rate)|Maximum Calls In Progress"),
    _phrase("kamailio.pike-block", rf"PIKE - BLOCKing ip {_HOST}(?=[,\s]|$)"),
    _phrase("kamailio.pike-block", rf"pike block(?:ing)? .{{0,300}}?(?:IP:|from ){_HOST}(?=[:\s)]|$)"),
    _phrase(
        "kamailio.blocked",
        rf"(?:request from blocked IP|blocked request from)\b.{{0,300}}?(?:IP:|from ){_HOST}(?=[:\s)]|$)",
    ),
    _phrase(
        "kamailio.scanner", r"friendly-scanner|sipvicious|sipcli|VaxSIPUserAgent|pplsip", ignore_case=True
    ),
    _phrase(
        "kamailio.limit",
        r"(?:PIPELIMIT|pipe\b|rate[- ]?limit\w*|RATELIMIT)\b.{0,80}(?:exceed|drop|reject|reach|hit|limit)",
        ignore_case=True,
    ),
    _phrase(
        "kamailio.user-locked",
        r"\b(?:account|user|auth)\b.{0,80}(?:locked|blocked|too many (?:failed|auth))",
        ignore_case=True,
    ),
    _phrase("kamailio.too-many-contacts", r"too many contacts for AOR <(?P<user>[^>\n]*)>"),
    _phrase(
        "kamailio.sanity",
        r"sanity_check\(\)|check_(?:cl|cseq|required_headers|via|digest|expires)\w*\(\):"
        r"|Malformed SIP (?:message|request) from",
    ),
    _phrase(
        "kamailio.parse-error",
        r"(?:parse_(?:msg|headers|first_line|via|uri)\w*|receive_msg)\(\): ?.{0,40}"
        r"(?:[Ee]rror|ERROR|bad|broken|cannot|failed|no via)",
    ),
    _phrase(
        "kamailio.auth-failure",
        r"\b(?:auth(?:entication|orization)?|login|digest)\b.{0,60}\bfail(?:ed|ure)",
        ignore_case=True,
    ),
    _phrase(
        "kamailio.no-memory",
        r"(?:no more|out of|could not allocate) (?:pkg|shm|shared|private)? ?mem(?:ory)?",
        ignore_case=True,
    ),
    _phrase("fail2ban.ban", rf"\[[\w-]+\] (?:Restore )?Ban {_HOST}(?=\s|$)"),
    _phrase(
        "firewall.drop",
        r"(?:\b(?:DROP|REJECT|DENY|BLOCK)\w*|action=\"?(?:drop|deny|dropped|blocked)).{0,400}?"
        rf"(?:SRC=|srcip=){_HOST}(?=\s|$)",
    ),
    _phrase(
        "genesys.http-permission",
        r"missing\.(?:any\.)?(?:division\.)?permissions?|\bnot\.authorized"
        rf"|HTTP(?:/1\.1|/2)? 403\b|^{_API_ERROR}.*\"status\": ?403",
    ),
    _phrase(
        "genesys.http-rate",
        rf"too\.many\.requests|HTTP(?:/1\.1|/2)? 429\b|^{_API_ERROR}.*\"status\": ?429",
    ),
    _phrase(
        "genesys.version-conflict",
        rf"(?:HTTP(?:/1\.1|/2)? 409\b|^{_API_ERROR}.*\"status\": ?409).{{0,200}}version"
        r"|metadata\.version.{0,80}(?:conflict|mismatch)",
    ),
    _phrase(
        "genesys.automatic-review",
        r"[Aa]utomatic(?:ally)?[ _-]?(?:review|approv)\w*\"?(?: ?[:=] ?\"?(?:true|on|enabled))",
    ),
    _phrase("genesys.sip-refusal", r"SIP (?:Response|response|status)[: ]+(?:40[1357]|429|5\d\d|60[36])\b"),
    _phrase("genesys.sip-response", r"SIP (?:Response|response|status)[: ]+[3-6]\d\d\b"),
)
_LONGEST = 4096
"""Characters of a line that are looked at."""
_PREFILTER = re.compile(
    r"failed|fail(?:ure)?\b|ACL|acl\b|find user|[Mm]ax|contacts|AOR|overload|403|409|429|[Bb]lock|BLOCK"
    r"|scanner|sip(?:cli|vicious)|VaxSIP|pplsip|[Ll]imit|locked|sanity|check_|Malformed|parse_|receive_msg|mem(?:ory)?\b"
    r"|Ban |DROP|REJECT|DENY|drop|deny|permission|authorized|too\.many|[Aa]utomatic"
    r"|SIP [Rr]esponse|SIP status|Over Session"
)
_WORDS = (
    "fail", "ACL", "acl", "find user", "Max", "max", "contacts", "AOR", "overload", "403", "409", "429",
    "lock", "BLOCK", "scanner", "sipcli", "sipvicious", "VaxSIP", "pplsip", "imit", "sanity", "check_",
    "Malformed", "parse_", "receive_msg", "mem", "Ban ", "DROP", "REJECT", "DENY", "drop", "deny",
    "permission", "authorized", "too.many", "utomatic", "SIP R", "SIP r", "SIP status", "Over Session",
)  # fmt: skip
"""One of them stands wherever the filter finds something: to look for words is several times as fast."""
FAMILY_OF = {
    "asterisk": "Asterisk log", "freeswitch": "FreeSWITCH log", "kamailio": "Kamailio or OpenSIPS log",
    "genesys": "Genesys Cloud text", "fail2ban": "fail2ban log", "firewall": "firewall log",
}  # fmt: skip


def phrase_in(line: str) -> tuple[str, str, str] | None:
    """Kind, source and user of a line that says why something was refused; None for any other."""
    line = line[:_LONGEST]
    for word in _WORDS:
        if word in line:
            break
    else:
        return None
    if _PREFILTER.search(line) is None:
        return None
    for phrase in PHRASES:
        found = phrase.pattern.search(line)
        if found is not None and (phrase.needs is None or phrase.needs.search(line)):
            groups = found.groupdict()
            return phrase.kind, groups.get("source") or "", groups.get("user") or ""
    return None
