"""The practice PBX as a notifier: whatever SUBSCRIBE comes, an answer or a syntax error."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from shiftline.errors import SipSyntaxError
from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.notifier import Notifier, Peer
from shiftline.secrets import Secret
from shiftline.sip.message import Request, parse_message

SUBSCRIBE = (
    b"SUBSCRIBE sip:agent0001@127.0.0.1 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.2:5070;branch=z9hG4bKa;rport\r\n"
    b"From: <sip:shiftline@lab>;tag=1\r\n"
    b"To: <sip:agent0001@lab>\r\n"
    b"Call-ID: c1\r\n"
    b"CSeq: 1 SUBSCRIBE\r\n"
    b"Contact: <sip:shiftline@127.0.0.2:5070>\r\n"
    b"Event: presence;id=7\r\n"
    b"Record-Route: <sip:edge.lab;lr>\r\n"
    b"Expires: 600\r\n"
    b"\r\n"
)
PIECES = [
    b";", b",", b'"', b"<", b">", b"@", b"=", b":", b" ", b"%", b"sip:", b"tel:1", b"presence", b"everyone",
    b"-1", b"99999999999", b'id="a b"', b";tag=x", b"Supported: eventlist\r\n", b"[::1]", b"\xff", b"\\",
]  # fmt: skip


@st.composite
def subscribes(draw: st.DrawFn) -> bytes:
    """A good SUBSCRIBE with a few bytes cut, doubled or replaced."""
    data = SUBSCRIBE
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 12)))
        data = data[:start] + draw(st.sampled_from(PIECES) | st.binary(max_size=6)) + data[end:]
    return data


@given(st.lists(st.tuples(subscribes(), st.booleans()), max_size=6))
@example([(SUBSCRIBE.replace(b"id=7", b'id="a b"'), True)])
def test_a_notifier_survives_any_subscribe(arrivals: list[tuple[bytes, bool]]) -> None:
    """Nothing but SipSyntaxError leaves it, every NOTIFY can be written, and in the end nothing is left."""
    agents = {"agent0001": Truth.BUSY, "agent0002": Truth.NOT_REGISTERED}
    config = PracticePbxConfig(log_path=Path("unused"), agents=agents, password=Secret("secret"))
    tokens = count()
    notifier = Notifier(
        config, state_of=lambda user, _now: config.truth(user), token=lambda: f"t{next(tokens)}"
    )
    for data, is_answered in arrivals:
        try:
            request = parse_message(data)
            if isinstance(request, Request):
                notifier.subscribe(request, Peer(("127.0.0.2", 5070)), 0.0)
        except SipSyntaxError:
            continue
        write_all(notifier, 200 if is_answered else None, 0.0)
    for _ in range(3):
        notifier.expire(10_000.0)
        write_all(notifier, 200, 10_000.0)
    assert notifier.next_timer() is None


def write_all(notifier: Notifier, status: int | None, now: float) -> None:
    while sent := notifier.notifies_to_send():
        for notify, _ in sent:
            assert isinstance(parse_message(bytes(notify)), Request)
            notifier.answered(notify.headers.get("Call-ID") or "", status, now)
