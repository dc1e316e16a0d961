"""Playing the driver of a SIP agent in tests."""

from __future__ import annotations

from shiftline.sip.agent import SipAgent
from shiftline.sip.events import Event
from shiftline.sip.message import Request, parse_message


def events(agent: SipAgent) -> list[Event]:
    """All that it tells now."""
    found = []
    while event := agent.next_event():
        found.append(event)
    return found


def sent(agent: SipAgent) -> list[Request]:
    """The requests that leave now."""
    messages = [parse_message(datagram.data) for datagram in agent.datagrams_to_send()]
    return [message for message in messages if isinstance(message, Request)]


def fire_timers(agent: SipAgent, until: float) -> list[float]:
    """Fire what is due until then; the moments at which something left."""
    moments = []
    while (due := agent.next_timer()) is not None and due <= until:
        agent.handle_timer(due)
        moments += [due] * len(agent.datagrams_to_send())
    return moments
