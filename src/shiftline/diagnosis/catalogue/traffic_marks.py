"""Habits of senders, logins and messages that no single answer shows, and what each speaks for."""

from __future__ import annotations

from shiftline.diagnosis.catalogue.marks import AGAINST, CERTAIN, FAIR, STRONG, WEAK, row
from shiftline.diagnosis.families import Family

ROWS = (
    row(
        "server.unnamed",
        "no answer that says who made it",
        "the programs' defaults: Asterisk, FreeSWITCH, Kamailio and OpenSIPS name themselves",
        {},
        {
            Family.CHAN_SIP: 0.05,
            Family.PJSIP: 0.05,
            Family.FREESWITCH: 0.05,
            Family.KAMAILIO: 0.5,
            Family.OPENSIPS: 0.5,
        },
    ),
    row(
        "traffic.two-agents-one-account",
        "one account that two programs log in with",
        "User-Agent, Call-ID shape and source port of one digest username",
        {"credentials.shared-lockout": FAIR, "registrar.shared-aor": WEAK, "throttle.user": WEAK},
    ),
    row(
        "traffic.foreign-failures",
        "another program whose logins for this account failed before",
        "User-Agent and outcome of one digest username",
        {"credentials.shared-lockout": STRONG, "ban.user": WEAK},
    ),
    row(
        "traffic.failures-before-lock",
        "a series of failed logins of this account before the refusals",
        "outcomes of one digest username, Kamailio htable README, K5",
        {"ban.user": FAIR, "credentials.shared-lockout": WEAK},
    ),
    row(
        "traffic.worked-before",
        "a time before which the same account was accepted",
        "outcomes of one digest username in time",
        {"credentials.rotated": STRONG, "credentials.wrong-password": 0.3, "credentials.unknown-user": 0.3},
    ),
    row(
        "traffic.count-repeated",
        "a nonce count that was used twice with one nonce",
        "nc of the Authorization headers, RFC 7616 section 3.4",
        {"credentials.nonce-count": STRONG},
    ),
    row(
        "traffic.reuse-refused-young",
        "a nonce that was accepted, and was challenged anew within a second of it",
        "age and use of the nonce at each challenge, RFC 7616 section 3.3",
        {"credentials.nonce-count": STRONG, "credentials.stale-nonce": 0.05},
    ),
    row(
        "traffic.nonce-by-use",
        "nonces that are challenged anew after so many uses, however old they are",
        "use and age of the nonce at each login, RFC 7616 section 3.3",
        {"credentials.nonce-count": CERTAIN, "credentials.stale-nonce": 0.001},
    ),
    row(
        "traffic.nonce-by-age",
        "nonces that are challenged anew from an age on, however often they were used",
        "use and age of the nonce at each login, K8",
        {"credentials.stale-nonce": CERTAIN, "credentials.nonce-count": 0.001},
    ),
    row(
        "traffic.reuse-passed",
        "a nonce that was accepted again within a second",
        "age and use of the nonce",
        {"credentials.nonce-count": 0.05},
    ),
    row(
        "traffic.old-nonce-refused",
        "a challenge to credentials with an old nonce, that says nothing of stale",
        "age of the nonce at each second challenge, K8",
        {"credentials.stale-nonce": STRONG, "credentials.wrong-password": AGAINST},
        {Family.KAMAILIO: WEAK},
    ),
    row(
        "traffic.new-nonce-refused",
        "a login that answered a fresh challenge in time and was challenged again",
        "age of the nonce at each second challenge",
        {"credentials.stale-nonce": AGAINST, "credentials.nonce-count": AGAINST},
    ),
    row(
        "traffic.challenge-unanswered",
        "a challenge that the client never answered",
        "requests after each 401 or 407 in one call",
        {"client.no-credentials": CERTAIN, "credentials.algorithm": WEAK},
    ),
    row(
        "traffic.resent-early",
        "a question that was asked anew, or given up, before the server's usual time of answer",
        "times of answers and of further requests",
        {"client.retry-too-short": CERTAIN},
    ),
    row(
        "traffic.contact-churn",
        "an address-of-record that is bound from different places in turn",
        "Contact hosts of one user",
        {"registrar.shared-aor": CERTAIN, "registrar.max-contacts": WEAK},
    ),
    row(
        "via.seen-elsewhere",
        "an answer whose `received` names an address that is neither ours nor the one given as public",
        "RFC 3261 section 18.2.1; one trunk in twenty is behind a translation that nobody declared",
        {"network.nat-source": 20.0},
    ),
    row(
        "via.seen-as-sent",
        "a server that sees us at the address that Via names",
        "RFC 3261 section 18.2.1: it must say so if it sees another",
        {"network.nat-source": 0.01},
    ),
    row(
        "traffic.some-sources-refused",
        "a part of the peer's addresses that is refused, while the others pass with the same account",
        "outcomes by source",
        {"acl.partial": FAIR, "acl.source": 0.7},
    ),
    row(
        "traffic.large-lost",
        "a size above which requests get no answer",
        "sizes of answered and unanswered requests, RFC 3261 section 18.1.1",
        {"network.fragmentation": STRONG, "message.too-large": WEAK},
    ),
    row(
        "traffic.large-refused",
        "a size above which requests are refused",
        "sizes of accepted and refused requests, K11",
        {"message.too-large": STRONG, "network.fragmentation": WEAK},
    ),
    row(
        "via.differs",
        "a Via that names another address than the packets came from",
        "sent-by against the packet's source, RFC 3581",
        {"network.nat-source": FAIR, "acl.via-source": FAIR, "network.alg": WEAK},
    ),
    row(
        "clock.offset",
        "a Date header that differs from the record's clock by minutes",
        "Date of the answers",
        {"clock.skew": FAIR},
    ),
    row(
        "challenge.realm-differs",
        "a challenge for another realm than the one that is configured",
        "realm of the challenge",
        {"credentials.realm": STRONG},
    ),
    row(
        "challenge.unknown-algorithm",
        "a challenge that offers no algorithm the client can do",
        "algorithms of the challenge, RFC 8760",
        {"credentials.algorithm": STRONG},
    ),
    row(
        "method.blind",
        "one and the same answer about the absent and the present control",
        "the two controls: the method is blind, or the absent one is there",
        {"method.blind": STRONG, "client.wrong-control": STRONG},
    ),
    row(
        "traffic.metadata-tells",
        "a header that all accepted requests have and all refused ones lack",
        "headers by outcome",
        {"message.missing-metadata": STRONG},
    ),
    row(
        "message.passed-with-header",
        "a question that was refused as usual, and passed with the headers that were named",
        "two questions of ours that differ in nothing else; whoever names a header thinks that it may matter",
        {"message.missing-metadata": STRONG},
    ),
    row(
        "traffic.header-refused",
        "a header that all refused requests have and all accepted ones of the same kind lack",
        "headers by outcome, Kamailio K15",
        {"message.malformed": STRONG, "policy.user-agent": 0.02},
    ),
    row(
        "traffic.contact-refused",
        "a Contact in all refused requests and in no accepted one of the same senders",
        "headers by outcome: res_pjsip_acl A4, Kamailio permissions K12 look at it",
        {
            "acl.contact": STRONG,
            # What has a Contact binds: it may be one binding too many.
            "registrar.max-contacts": STRONG,
            "message.malformed": STRONG,
            "policy.user-agent": 0.02,
        },
    ),
    row(
        "traffic.headers-served",
        "no header that all refused requests have and accepted ones of the same senders lack",
        "headers by outcome: what a PBX dislikes about a message is nearly always a header (K15, K16, V5)",
        {"message.malformed": 0.02},
    ),
    row(
        "traffic.all-available",
        "one and the same 200 to OPTIONS about every one of many agents",
        "answers by the user asked about, RFC 3261 section 11.2, K19",
        {"method.blind": STRONG},
    ),
)
