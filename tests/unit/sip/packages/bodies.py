"""Documents of the event packages, as their notifiers write them."""

from __future__ import annotations


def dialog_info(*states: str, version: int = 0, state: str = "full") -> bytes:
    """A line with one call per state, ids d0, d1 and so on."""
    dialogs = "".join(
        f'<dialog id="d{number}" direction="recipient"><state event="x">{word}</state></dialog>'
        for number, word in enumerate(states)
    )
    return (
        '<?xml version="1.0"?>\n<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" '
        f'version="{version}" state="{state}" entity="sip:agent0001@lab">{dialogs}</dialog-info>'
    ).encode()


def pidf(*basics: str, activity: str = "") -> bytes:
    """A person with one tuple per basic status, and perhaps an activity."""
    tuples = "".join(
        f'<tuple id="t{number}"><status><basic>{basic}</basic></status>'
        f"<contact>sip:{number}@lab</contact></tuple>"
        for number, basic in enumerate(basics)
    )
    person = (
        f"<dm:person id='p'><rpid:activities><rpid:{activity}/></rpid:activities></dm:person>"
        if activity
        else ""
    )
    return (
        '<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" '
        'xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:agent0001@lab">'
        f"{tuples}{person}</presence>"
    ).encode()


def reginfo(
    registration: str, *contacts: str, version: int = 0, state: str = "full", first_contact: int = 0
) -> bytes:
    """An address of record with one contact per state, ids c0, c1 and so on."""
    rows = "".join(
        f'<contact id="c{number}" state="{word}" event="registered">'
        f"<uri>sip:{number}@127.0.0.10</uri></contact>"
        for number, word in enumerate(contacts, first_contact)
    )
    return (
        f'<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="{version}" state="{state}">'
        f'<registration aor="sip:agent0001@lab" id="r" state="{registration}">{rows}</registration></reginfo>'
    ).encode()


LIST_TYPE = 'multipart/related;type="application/rlmi+xml";start="<list@lab>";boundary="cut"'


def resource_list(*members: tuple[str, str, bytes], full: bool = True, version: int = 0) -> bytes:
    """A list notification of members (user, instance state, PIDF body); an empty state is no instance."""
    rows, parts = [], []
    for number, (user, state, body) in enumerate(members):
        instance = f'<instance id="i" state="{state}" cid="m{number}@lab"/>' if state else ""
        rows.append(f'<resource uri="sip:{user}@lab"><name>{user}</name>{instance}</resource>')
        if body:
            parts.append((f"m{number}@lab", "application/pidf+xml", body))
    document = (
        '<list xmlns="urn:ietf:params:xml:ns:rlmi" uri="sip:everyone@lab" '
        f'version="{version}" fullState="{str(full).lower()}">{"".join(rows)}</list>'
    ).encode()
    parts.insert(0, ("list@lab", 'application/rlmi+xml;charset="UTF-8"', document))
    written = [
        f"--cut\r\nContent-ID: <{cid}>\r\nContent-Type: {kind}\r\n\r\n".encode() + body + b"\r\n"
        for cid, kind, body in parts
    ]
    return b"".join(written) + b"--cut--\r\n"
