"""Why nothing can be said of the server, and what to do about each cause."""

from __future__ import annotations

from collections.abc import Mapping

from shiftline.storm.verdict.capacity import Processors

_ROOM = "Give storm a machine with time to spare, away from the server, or ask for less load."
_ADVICE: Mapping[str, str] = {
    "storm did not keep": _ROOM,
    "storm used up its processor": f"{_ROOM} With several processors, --processes shares the load.",
    "the server was starved": "Run storm on another machine than the server, and nothing else beside it.",
    "this machine's kernel dropped": (
        "Let this machine's kernel keep more answers (sysctl net.core.rmem_max), or ask for less load."
    ),
    "nothing listened": (
        "Look whether the server runs and whether address, port and transport are right: its machine"
        " refused the datagrams."
    ),
    "nothing listens": "Look whether the server runs, and whether address, port and transport are right.",
    "does not answer": (
        "Look whether address, port and transport are right, and whether a firewall is between:"
        " `shiftline doctor run` asks step by step."
    ),
    "stopped answering": "Look at the server, and run it again when it answers.",
    "interrupted": "Run it again, and let it come to its end.",
    "cannot reach the target": "Look at the route to it (ip route get) and at firewalls here.",
    "is not SIP": "Look whether port and transport are right: something else than SIP answers there.",
    "closed the connection": (
        "Look in the server's log why it closed it: its limit of messages or connections, a TLS fault, a"
        " restart. Then try UDP, or less load."
    ),
    "password": "Give the right passwords, or other users: those whose password was refused are left alone.",
}
"""What to do, by words of the reason; `trust` and the engine write them."""
_ANY = "Mend that, and run it again."


def invalid_advice(reason: str) -> str:
    """What to do about the reason."""
    return next((advice for words, advice in _ADVICE.items() if words in reason), _ANY)


def starved_reason(seen: Processors) -> str:
    """The server waited for processors that others had."""
    return (
        f"the server was starved: its machine was busy to {seen.machine_busy:.0%}, and its own processes used"
        f" {seen.used:.2f} of {seen.available} processors"
    )
