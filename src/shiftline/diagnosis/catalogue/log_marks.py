"""Lines of other logs than Asterisk's by the names that the readers give them, and what each speaks for."""

from __future__ import annotations

from shiftline.diagnosis.catalogue.marks import AGAINST, CERTAIN, FAIR, NEVER, STRONG, VERBATIM, WEAK, row
from shiftline.diagnosis.families import Family

_FREESWITCH = {Family.FREESWITCH: FAIR}
_KAMAILIO = {Family.KAMAILIO: FAIR}
_SERS = {Family.KAMAILIO: FAIR, Family.OPENSIPS: FAIR}

ROWS = (
    row(
        "freeswitch.register-acl",
        "a log line that says the REGISTER was rejected by an access list",
        "FreeSWITCH mod_sofia, F1",
        {"acl.source": VERBATIM, "acl.partial": VERBATIM},
        _FREESWITCH,
    ),
    row(
        "freeswitch.acl",
        "a log line that says the call was rejected by an access list",
        "FreeSWITCH mod_sofia, F2",
        {"acl.source": VERBATIM, "acl.partial": VERBATIM},
        _FREESWITCH,
    ),
    row(
        "freeswitch.auth-failure",
        "a log line that says a SIP login failed",
        "FreeSWITCH mod_sofia, F5",
        {
            "credentials.wrong-password": FAIR,
            "credentials.rotated": WEAK,
            "credentials.unknown-user": WEAK,
            "policy.account-disabled": WEAK,
        },
        _FREESWITCH,
    ),
    row(
        "freeswitch.unknown-user",
        "a log line that says the user cannot be found",
        "FreeSWITCH mod_sofia, F5",
        {"credentials.unknown-user": VERBATIM},
        _FREESWITCH,
    ),
    row(
        "freeswitch.max-registrations",
        "a log line that says there are too many registrations of this extension",
        "FreeSWITCH mod_sofia, F5",
        {"registrar.max-contacts": VERBATIM},
        _FREESWITCH,
    ),
    row(
        "freeswitch.max-sessions",
        "a log line that says the sessions are used up",
        "FreeSWITCH mod_sofia, F9",
        {"throttle.concurrency": FAIR, "capacity.overload": VERBATIM},
        _FREESWITCH,
    ),
    row(
        "kamailio.pike-block",
        "a log line of pike that blocks an address",
        "Kamailio pike, K1",
        {"ban.source": STRONG, "throttle.source": FAIR},
        _SERS,
    ),
    row(
        "kamailio.blocked",
        "a log line that says a request came from a banned address",
        "Kamailio stock configuration with WITH_ANTIFLOOD, K1",
        {"ban.source": STRONG},
        _KAMAILIO,
    ),
    row(
        "kamailio.scanner",
        "a log line that says a scanner's User-Agent was dropped",
        "Kamailio stock configuration, K13",
        {"policy.user-agent": STRONG},
        _KAMAILIO,
    ),
    row(
        "kamailio.auth-failure",
        "a log line that says a login failed",
        "Kamailio auth, K7",
        {"credentials.wrong-password": FAIR, "credentials.rotated": WEAK, "credentials.unknown-user": WEAK},
        _SERS,
    ),
    row(
        "kamailio.user-locked",
        "a log line that says an account is locked after failed logins",
        "Kamailio htable README, K5",
        {"ban.user": STRONG, "credentials.shared-lockout": STRONG},
        _KAMAILIO,
    ),
    row(
        "kamailio.limit",
        "a log line that says a rate limit was exceeded",
        "Kamailio pipelimit and ratelimit, K3, K4",
        {
            "throttle.source": FAIR,
            "throttle.shared": FAIR,
            "throttle.user": FAIR,
            "throttle.method": FAIR,
        },
        _SERS,
    ),
    row(
        "kamailio.sanity",
        "a log line that says a message failed the sanity checks",
        "Kamailio sanity, K15",
        {"message.malformed": STRONG},
        _SERS,
    ),
    row(
        "kamailio.parse-error",
        "a log line that says a message could not be parsed",
        "Kamailio core, K16",
        {"message.malformed": STRONG, "network.fragmentation": WEAK},
        _SERS,
    ),
    row(
        "kamailio.too-many-contacts",
        "a log line that says there are too many contacts",
        "Kamailio registrar, K17",
        {"registrar.max-contacts": VERBATIM},
        _SERS,
    ),
    row(
        "kamailio.no-memory",
        "a log line that says memory has run out",
        "Kamailio core",
        {"capacity.overload": STRONG},
        _SERS,
    ),
    row(
        "fail2ban.ban",
        "a line of fail2ban that bans an address",
        "fail2ban, A14",
        {"ban.source": STRONG, "network.filtered": WEAK},
    ),
    row(
        "firewall.drop",
        "a firewall's line about dropped packets",
        "iptables and FortiGate logs, V23, V24",
        {"network.filtered": STRONG, "throttle.method": WEAK, "throttle.source": WEAK, "ban.source": WEAK},
    ),
    row(
        "genesys.http-permission",
        "an HTTP 403 of the REST API, a missing permission",
        "Genesys Cloud platform API: missing.permission, missing.division.permission",
        {"http.permission": CERTAIN},
    ),
    row(
        "genesys.http-rate",
        "an HTTP 429 of the REST API",
        "Genesys Cloud platform API: rate limits",
        {"http.rate": CERTAIN},
    ),
    row(
        "genesys.version-conflict",
        "an HTTP 409 about a version",
        "Genesys Cloud platform API: metadata.version",
        {"wfm.version-conflict": CERTAIN},
    ),
    row(
        "genesys.automatic-review",
        "a word of the WFM that trades are reviewed automatically",
        "Genesys Cloud workforce management: shift trade settings",
        {"wfm.not-asked": CERTAIN},
    ),
    row(
        "genesys.sip-refusal",
        "a refusal in the text of Genesys Cloud: SIP and not HTTP, so the trunk's other end said it, not the "
        "REST API; its request is not seen, a capture of that time tells more",
        "Genesys Cloud console",
        {"healthy": NEVER, "http.permission": AGAINST, "http.rate": AGAINST},
    ),
    row(
        "genesys.sip-response",
        "a SIP answer in the text of Genesys Cloud, which alone says nothing of the trunk",
        "Genesys Cloud console",
        {},
    ),
    row(
        "governor.throttle",
        "the governor's own word that refusals depended on the rate",
        "Shiftline's governor",
        {
            "throttle.source": FAIR,
            "throttle.shared": FAIR,
            "throttle.user": FAIR,
            "throttle.method": FAIR,
            "throttle.registration-rate": FAIR,
        },
    ),
    row(
        "governor.ban",
        "the governor's own word that refusals lasted after the rate had fallen",
        "Shiftline's governor",
        {"ban.source": FAIR, "ban.user": WEAK},
    ),
    row(
        "governor.policy",
        "the governor's own word that no pacing changed the refusals",
        "Shiftline's governor",
        {"acl.source": WEAK, "policy.method": WEAK, "throttle.source": 0.2, "capacity.overload": 0.2},
    ),
    row(
        "governor.capacity",
        "the governor's own word that answers came ever later",
        "Shiftline's governor",
        {"capacity.overload": FAIR, "throttle.concurrency": FAIR},
    ),
    row(
        "governor.user-bound",
        "the governor's own word that only our account was refused",
        "Shiftline's governor",
        {"throttle.user": FAIR, "ban.user": FAIR, "credentials.shared-lockout": FAIR},
    ),
    row(
        "governor.credentials",
        "the governor's own word that the credentials were refused",
        "Shiftline's governor",
        {"credentials.wrong-password": FAIR, "credentials.unknown-user": WEAK, "credentials.rotated": FAIR},
    ),
    row(
        "governor.unreachable",
        "the governor's own word that nobody answered",
        "Shiftline's governor",
        {"network.unreachable": FAIR, "network.filtered": WEAK, "ban.source": WEAK},
    ),
    row("dns.failure", "a name that did not resolve", "the resolver", {"dns.failure": CERTAIN}),
    row("tls.untrusted", "a certificate that is not trusted", "the TLS library", {"tls.untrusted": CERTAIN}),
    row("tls.name", "a certificate for another name", "the TLS library", {"tls.name": CERTAIN}),
    row("tls.version", "a handshake without a common version", "the TLS library", {"tls.version": CERTAIN}),
    row("tls.expired", "a certificate that has expired", "the TLS library", {"tls.expired": CERTAIN}),
    row(
        "tls.client-certificate",
        "a handshake that ended over our certificate",
        "the TLS library",
        {"tls.client-certificate": CERTAIN},
    ),
)
