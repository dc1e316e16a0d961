"""The SIP reader and writer: messages per second beside `sipmessage`, and the worst that 64 KiB can cost.

CPU time of this process, the best of several runs, so that a busy machine shows less in the figures.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import sipmessage
from rich.console import Console
from rich.table import Table

from shiftline.errors import SipSyntaxError
from shiftline.secrets import Secret
from shiftline.sip.address import NameAddr
from shiftline.sip.agent import SipAgent
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.inspection import inspect
from shiftline.sip.message import Request, Response, parse_message
from shiftline.sip.multipart import parse_multipart
from shiftline.sip.requests import register_query
from shiftline.sip.uri import SipUri
from shiftline.sip.values import CSeq, MediaType
from shiftline.sip.via import Via

ROUNDS, MESSAGES = 7, 2000
SIZE = 65507  # the most that fits into a UDP datagram
BAR_MILLISECONDS = 5.0

RESPONSE = (
    b"SIP/2.0 200 OK\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK6f1d0c2e9a77b3e1;rport=5060;received=192.0.2.7\r\n"
    b"From: <sip:planner@wfm.example>;tag=8c1f2ab0\r\n"
    b'To: "Agent 42" <sip:agent0042@pbx.example>;tag=as58f4201b\r\n'
    b"Call-ID: 3c26700902a1-trade77@192.0.2.7\r\n"
    b"CSeq: 41 OPTIONS\r\n"
    b"Server: Some PBX 20.1\r\n"
    b"Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, INFO, PUBLISH, MESSAGE\r\n"
    b"Supported: replaces, timer\r\n"
    b"Contact: <sip:agent0042@192.0.2.9:5060>\r\n"
    b"Content-Length: 0\r\n\r\n"
)


def five_fields(message: Request | Response) -> tuple[object, ...]:
    """What an exchange looks at: top Via, From, To, CSeq and Call-ID."""
    headers = message.headers
    return (
        Via.parse(headers.get_all("Via")[0]),
        NameAddr.parse(headers.get("From") or ""),
        NameAddr.parse(headers.get("To") or ""),
        CSeq.parse(headers.get("CSeq") or ""),
        headers.get("Call-ID"),
    )


def their_five_fields(message: sipmessage.Message) -> tuple[object, ...]:
    """The same of theirs."""
    return message.via, message.from_address, message.to_address, message.cseq, message.call_id


def per_second(work: Callable[[], object], times: int = MESSAGES) -> float:
    """How often a CPU second does the work, in the best round."""
    return times / min(_seconds(work, times) for _ in range(ROUNDS))


def _seconds(work: Callable[[], object], times: int) -> float:
    begin = time.process_time()
    for _ in range(times):
        work()
    return max(time.process_time() - begin, 1e-9)


def rates() -> Table:
    """Messages per second, ours and theirs."""
    ours, theirs = parse_message(RESPONSE), sipmessage.Message.parse(RESPONSE)
    rows: list[tuple[str, Callable[[], object], Callable[[], object] | None]] = [
        ("read", lambda: parse_message(RESPONSE), lambda: sipmessage.Message.parse(RESPONSE)),
        (
            "read, with five fields",
            lambda: five_fields(parse_message(RESPONSE)),
            lambda: their_five_fields(sipmessage.Message.parse(RESPONSE)),
        ),
        ("write", lambda: bytes(ours), lambda: bytes(theirs)),
        ("inspect (with notes)", lambda: inspect(RESPONSE), None),
    ]
    table = Table(title=f"One response of {len(RESPONSE)} bytes and 10 headers, per CPU second")
    for column in ("", "Shiftline", "sipmessage", "ratio"):
        table.add_column(column, justify="right" if column else "left")
    for name, work, peer in rows:
        rate = per_second(work)
        beside = per_second(peer) if peer else None
        table.add_row(
            name,
            f"{rate:,.0f}",
            f"{beside:,.0f}" if beside else "-",
            f"{rate / beside:.1f}" if beside else "-",
        )
    return table


def worst_shapes() -> dict[str, bytes]:
    """Datagrams of 64 KiB that are meant to hurt."""
    head = RESPONSE.partition(b"Server:")[0]
    shapes = {f"64 KiB of {name}": unit * SIZE for name, unit in _UNITS.items()}
    for header in ("Via", "To", "Contact", "WWW-Authenticate"):
        for name, unit in _UNITS.items():
            begin = _BEGINNINGS[header]
            shapes[f"one {header} of {name}"] = _one_row(head, header, begin + unit * SIZE)
    many = {
        "512 headers": b"X-Header-%03d: " + b"v" * 100,
        "512 Via": b"Via: SIP/2.0/UDP h%03d;branch=z9hG4bK" + b"b" * 80,
        "512 Contact": b'Contact: "a, b" <sip:a%03d@h;lr>;q=0.5;expires=60' + b";x=y" * 10,
    }
    shapes |= {
        name: head + b"".join(row % number + b"\r\n" for number in range(500)) + b"\r\n"
        for name, row in many.items()
    }
    shapes["16,000 folds"] = head + b"Subject: a\r\n" + b" b\r\n" * 16000 + b"\r\n"
    shapes["500 folds"] = head + b"Subject: a\r\n" + (b" " + b"b" * 120 + b"\r\n") * 500 + b"\r\n"
    shapes["a start line of 64 KiB"] = b"OPTIONS sip:" + b"a" * SIZE + b" SIP/2.0\r\n\r\n"
    shapes["a body of 64 KiB"] = head + b"\r\n" + b"\0\xff" * (SIZE // 2 - 300)
    line = RESPONSE.partition(b"\r\n")[0]
    shapes |= {
        f"{name}, in a request": data.replace(line, b"OPTIONS sip:agent0042@pbx.example SIP/2.0", 1)
        for name, data in shapes.items()
        if data.startswith(line)
    }
    return {name: data[:SIZE] for name, data in shapes.items()}


_UNITS = {
    "commas": b",", "semicolons": b";", "quotes": b'"', "opening brackets": b"<", "closing brackets": b">",
    "backslashes": b"\\", "percent signs": b"%", "escapes": b"%41", "digits": b"7", "blanks": b" ",
    "quote pairs": b'\\"', "escaped quotes": b'"\\"',
    "brackets in quotes": b'"<', "short members": b"a,", "flags": b";a",
    "parameters": b';a="\\a"', "addresses": b"<sip:a@h>,", "equal signs": b"=", "colons": b":", "ats": b"@",
    "bad UTF-8": b"\xff",
}  # fmt: skip
_HERE = SipUri(host="pbx.example")
_BEGINNINGS = {
    "Via": b"SIP/2.0/UDP h;branch=z9hG4bK1", "To": b"<sip:a@h>", "Contact": b"",
    "WWW-Authenticate": b'Digest realm="r", nonce="n", opaque="',
}  # fmt: skip


def _one_row(head: bytes, header: str, value: bytes) -> bytes:
    """The head with this header's row replaced by a long one, as long as the datagram allows."""
    rows = [row for row in head.splitlines(keepends=True) if not row.startswith(header.encode() + b":")]
    head = b"".join(rows)
    return head + f"{header}: ".encode() + value[: SIZE - len(head) - 80] + b"\r\n\r\n"


def challenge(data: bytes) -> None:
    """What a digest client does with a hostile 401."""
    try:
        headers = parse_message(data).headers
    except SipSyntaxError:
        return
    request = register_query(_HERE, registrar=_HERE, token=lambda: "t")
    client = DigestClient(DigestAccount(username="a", password=Secret("b")), token=lambda: "t")
    client.challenged(Response(401, "Unauthorized", headers), request)
    client.authorize(request)


def read_all(data: bytes) -> None:
    """What the worst caller does: reads the message and every address and parameter in it."""
    try:
        message = parse_message(data)
    except SipSyntaxError:
        return
    for name in ("Via", "To", "Contact"):
        read = Via.parse if name == "Via" else NameAddr.parse
        for value in message.headers.get_all(name):
            try:
                read(value)
            except SipSyntaxError:
                break


def receive(data: bytes) -> None:
    """What an agent does with a datagram."""
    SipAgent(local=("192.0.2.7", 5060), token=lambda: "t").receive(data, ("192.0.2.9", 5060), 0.0)


def worst() -> Table:
    """The ten dearest shapes of each way to read, and whether they are under the bar."""
    ways: dict[str, Callable[[bytes], object]] = {
        "parse_message": parse_message_or_refuse, "all values": read_all, "agent": receive,
        "digest": challenge, "inspect": inspect,
    }  # fmt: skip
    shapes = worst_shapes()
    costs = {
        (way, shape): min(_seconds(partial(read, data), 1) for _ in range(3)) * 1000
        for way, read in ways.items()
        for shape, data in shapes.items()
    }
    media_type = MediaType.parse("multipart/mixed;boundary=b")
    body = b"--b\r\nA: b\r\n\r\nx\r\n" * 1000
    costs["parse_multipart", "1,000 parts"] = 1000 / per_second(lambda: parse_multipart(body, media_type), 3)
    table = Table(
        title=f"The dearest of {len(shapes)} hostile datagrams of 64 KiB, in ms of CPU",
        caption=f"bar: {BAR_MILLISECONDS:.0f} ms",
    )
    for column in ("way", "shape", "ms", ""):
        table.add_column(column, justify="right" if column == "ms" else "left")
    for way in (*ways, "parse_multipart"):
        dearest = sorted(
            ((cost, shape) for (name, shape), cost in costs.items() if name == way), reverse=True
        )
        for cost, shape in dearest[:4]:
            table.add_row(way, shape, f"{cost:.2f}", "" if cost < BAR_MILLISECONDS else "OVER")
    return table


def parse_message_or_refuse(data: bytes) -> None:
    """`parse_message`, whose refusal counts like any answer."""
    try:
        parse_message(data)
    except SipSyntaxError:
        return


def main() -> None:
    """Print both tables."""
    console = Console()
    console.print(rates())
    console.print(worst())


if __name__ == "__main__":
    main()
