"""Messages of our own with the traits of RFC 5118 section 4: IPv6."""

from __future__ import annotations

from tests.unit.sip.torture.cases import Case, accepted, hopeless, message, noted

OPTIONS = "OPTIONS sip:agent0042@[2001:db8:7::2a] SIP/2.0"
MIXED_SDP = (
    b"v=0\r\no=planner 1 1 IN IP6 2001:db8:7::7\r\ns=-\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8:7::7\r\n"
    b"m=video 4002 RTP/AVP 31\r\nc=IN IP4 192.0.2.7\r\n"
)

CASES: list[Case] = [
    accepted(
        "4.1",
        "an address in brackets",
        message(
            "REGISTER sip:[2001:db8:7::2a] SIP/2.0",
            "Via: SIP/2.0/UDP [2001:db8:7::7];branch=z9hG4bKsix",
            'Contact: "Planner" <sip:planner@[2001:db8:7::7]>',
        ),
    ),
    hopeless(
        "4.2", "an address without brackets", message("REGISTER sip:2001:db8:7::2a SIP/2.0"), "start-line.uri"
    ),
    accepted(
        "4.3",
        "what looks like a port belongs to the address",
        message("REGISTER sip:[2001:db8:7::2a:5070] SIP/2.0"),
    ),
    accepted("4.4", "a port behind the brackets", message("REGISTER sip:[2001:db8:7::2a]:5070 SIP/2.0")),
    accepted(
        "4.5",
        "received without brackets",
        message(OPTIONS, "Via: SIP/2.0/UDP [2001:db8:7::7];received=2001:db8:7::77;branch=z9hG4bKsix"),
    ),
    accepted(
        "4.5",
        "received with brackets, as the first grammar had it",
        message(OPTIONS, "Via: SIP/2.0/UDP [2001:db8:7::7];received=[2001:db8:7::77];branch=z9hG4bKsix"),
        "via.received-brackets",
    ),
    accepted("4.6", "an address in the session description", message(OPTIONS, body=MIXED_SDP)),
    accepted(
        "4.7",
        "both families in one message's headers",
        message(
            "BYE sip:agent0042@[2001:db8:7::2a]:5090 SIP/2.0",
            "Via: SIP/2.0/TCP [2001:db8:7::9]:6050;branch=z9hG4bKa",
            "Via: SIP/2.0/UDP 192.0.2.8;branch=z9hG4bKb",
            "Route: <sip:[2001:db8:7::10];lr>, <sip:192.0.2.10;lr>",
        ),
    ),
    accepted(
        "4.8",
        "both families in one session description",
        message(
            "INVITE sip:agent0042@[2001:db8:7::2a] SIP/2.0",
            "Contact: <sip:planner@[2001:db8:7::7]>",
            body=MIXED_SDP,
        ),
    ),
    accepted(
        "4.9",
        "IPv4 addresses mapped into IPv6",
        message(
            OPTIONS,
            "Via: SIP/2.0/UDP [::ffff:192.0.2.7]:19823;branch=z9hG4bKmapped",
            "Contact: <sip:planner@[::ffff:192.0.2.7]>",
        ),
    ),
    noted(
        "4.10",
        "three colons, which the first grammar allowed",
        message("OPTIONS sip:agent0042@[2001:db8:::192.0.2.42] SIP/2.0"),
        "address.ipv6",
    ),
]
