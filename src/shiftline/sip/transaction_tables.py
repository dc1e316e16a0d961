"""The four transaction machines as tables (RFC 3261 section 17, corrected by RFC 6026).

Every transition stands in a table ``(state, input) -> (effects, next state)``; what a table does not list
is absorbed: no effect, same state. The transport changes timers, never a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum, auto


class State(StrEnum):
    """The states of the four machines."""

    CALLING = auto()
    CALLING_OFF = auto()
    """Calling, and to be cancelled as soon as that is allowed: after a provisional answer (section 9.1)."""
    TRYING = auto()
    PROCEEDING = auto()
    CALLED_OFF = auto()
    """An INVITE whose CANCEL has left and whose final answer is awaited."""
    COMPLETED = auto()
    CONFIRMED = auto()
    ACCEPTED = auto()
    TERMINATED = auto()


class Input(StrEnum):
    """What can happen to a transaction; a server's responses come from its own user."""

    PROVISIONAL = auto()
    """1xx"""
    SUCCESS = auto()
    """2xx"""
    FAILURE = auto()
    """300 to 699"""
    REQUEST = auto()
    """The request again."""
    ACK = auto()
    CANCEL = auto()
    """Our user does not want its INVITE any more."""
    RETRANSMIT = auto()
    """Timer A, E or G fired."""
    GIVE_UP = auto()
    """Timer B, F, H or C fired, or the deadline that the client's user set."""
    LINGER_OVER = auto()
    """Timer D, I, J, K, L or M fired."""
    SEND_FAILED = auto()
    """The transport refused the message (section 17.1.4), or the connection was lost before the answer."""


class Effect(StrEnum):
    """What the agent does, in the order of the tuple."""

    SEND = auto()
    """Send our latest message: a client's request, a server's response."""
    SEND_ACK = auto()
    SEND_CANCEL = auto()
    """Send the CANCEL, and wait 64 * T1 more for the final answer (section 9.1)."""
    DISOWN = auto()
    """Report nothing more; a call that is accepted all the same is hung up."""
    REPORT = auto()
    """Hand the event to the user: the message, the timeout, the failure to send."""
    STOP_A_AND_B = auto()
    SLOW_E = auto()
    """Timer E runs at T2 from its next firing on."""
    START_G_AND_H = auto()
    START_D = auto()
    START_I = auto()
    START_J = auto()
    START_K = auto()
    START_L = auto()
    START_M = auto()


Step = tuple[tuple[Effect, ...], State]
Table = Mapping[tuple[State, Input], Step]

_END: Step = ((), State.TERMINATED)
_FAILED: Step = ((Effect.REPORT,), State.TERMINATED)
_SUCCEEDED: Step = ((Effect.REPORT, Effect.START_M), State.ACCEPTED)
_REJECTED: Step = ((Effect.SEND_ACK, Effect.REPORT, Effect.START_D), State.COMPLETED)
_ANSWERED: Step = ((Effect.REPORT, Effect.START_K), State.COMPLETED)
_REPLIED: Step = ((Effect.SEND, Effect.START_J), State.COMPLETED)

INVITE_CLIENT: Table = {  # section 17.1.1, figure 5; Accepted from RFC 6026 section 7.2
    (State.CALLING, Input.RETRANSMIT): ((Effect.SEND,), State.CALLING),
    (State.CALLING, Input.GIVE_UP): _FAILED,
    (State.CALLING, Input.SEND_FAILED): _FAILED,
    (State.CALLING, Input.PROVISIONAL): ((Effect.STOP_A_AND_B, Effect.REPORT), State.PROCEEDING),
    (State.CALLING, Input.SUCCESS): _SUCCEEDED,
    (State.CALLING, Input.FAILURE): _REJECTED,
    (State.CALLING, Input.CANCEL): ((), State.CALLING_OFF),
    (State.CALLING_OFF, Input.RETRANSMIT): ((Effect.SEND,), State.CALLING_OFF),
    (State.CALLING_OFF, Input.GIVE_UP): _FAILED,
    (State.CALLING_OFF, Input.SEND_FAILED): _FAILED,
    (State.CALLING_OFF, Input.PROVISIONAL): (
        (Effect.STOP_A_AND_B, Effect.REPORT, Effect.SEND_CANCEL),
        State.CALLED_OFF,
    ),
    (State.CALLING_OFF, Input.SUCCESS): _SUCCEEDED,
    (State.CALLING_OFF, Input.FAILURE): _REJECTED,
    (State.PROCEEDING, Input.PROVISIONAL): ((Effect.REPORT,), State.PROCEEDING),
    (State.PROCEEDING, Input.SUCCESS): _SUCCEEDED,
    (State.PROCEEDING, Input.FAILURE): _REJECTED,
    (State.PROCEEDING, Input.CANCEL): ((Effect.SEND_CANCEL,), State.CALLED_OFF),
    # Timer B is off here: only a deadline of the user's own can fire, and then no phone shall ring on.
    (State.PROCEEDING, Input.GIVE_UP): ((Effect.REPORT, Effect.DISOWN, Effect.SEND_CANCEL), State.CALLED_OFF),
    # Nothing is sent here, but the connection that the answer was to come on can be lost.
    (State.PROCEEDING, Input.SEND_FAILED): _FAILED,
    (State.CALLED_OFF, Input.PROVISIONAL): ((Effect.REPORT,), State.CALLED_OFF),
    (State.CALLED_OFF, Input.SUCCESS): _SUCCEEDED,
    (State.CALLED_OFF, Input.FAILURE): _REJECTED,
    (State.CALLED_OFF, Input.GIVE_UP): _FAILED,
    (State.CALLED_OFF, Input.SEND_FAILED): _FAILED,
    (State.COMPLETED, Input.FAILURE): ((Effect.SEND_ACK,), State.COMPLETED),
    (State.COMPLETED, Input.SEND_FAILED): _FAILED,
    (State.COMPLETED, Input.LINGER_OVER): _END,
    (State.ACCEPTED, Input.SUCCESS): ((Effect.REPORT,), State.ACCEPTED),
    (State.ACCEPTED, Input.LINGER_OVER): _END,
}

CLIENT: Table = {  # section 17.1.2, figure 6
    (State.TRYING, Input.RETRANSMIT): ((Effect.SEND,), State.TRYING),
    (State.TRYING, Input.GIVE_UP): _FAILED,
    (State.TRYING, Input.SEND_FAILED): _FAILED,
    (State.TRYING, Input.PROVISIONAL): ((Effect.SLOW_E, Effect.REPORT), State.PROCEEDING),
    (State.TRYING, Input.SUCCESS): _ANSWERED,
    (State.TRYING, Input.FAILURE): _ANSWERED,
    (State.PROCEEDING, Input.RETRANSMIT): ((Effect.SEND,), State.PROCEEDING),
    (State.PROCEEDING, Input.GIVE_UP): _FAILED,
    (State.PROCEEDING, Input.SEND_FAILED): _FAILED,
    (State.PROCEEDING, Input.PROVISIONAL): ((Effect.REPORT,), State.PROCEEDING),
    (State.PROCEEDING, Input.SUCCESS): _ANSWERED,
    (State.PROCEEDING, Input.FAILURE): _ANSWERED,
    (State.COMPLETED, Input.LINGER_OVER): _END,
}

INVITE_SERVER: Table = {  # section 17.2.1, figure 7; Accepted from RFC 6026 section 7.1
    (State.PROCEEDING, Input.REQUEST): ((Effect.SEND,), State.PROCEEDING),
    (State.PROCEEDING, Input.PROVISIONAL): ((Effect.SEND,), State.PROCEEDING),
    (State.PROCEEDING, Input.SUCCESS): ((Effect.SEND, Effect.START_L), State.ACCEPTED),
    (State.PROCEEDING, Input.FAILURE): ((Effect.SEND, Effect.START_G_AND_H), State.COMPLETED),
    (State.PROCEEDING, Input.GIVE_UP): _END,
    (State.COMPLETED, Input.REQUEST): ((Effect.SEND,), State.COMPLETED),
    (State.COMPLETED, Input.RETRANSMIT): ((Effect.SEND,), State.COMPLETED),
    (State.COMPLETED, Input.ACK): ((Effect.START_I,), State.CONFIRMED),
    (State.COMPLETED, Input.GIVE_UP): _END,
    (State.CONFIRMED, Input.LINGER_OVER): _END,
    (State.ACCEPTED, Input.SUCCESS): ((Effect.SEND,), State.ACCEPTED),
    (State.ACCEPTED, Input.ACK): ((Effect.REPORT,), State.ACCEPTED),
    (State.ACCEPTED, Input.LINGER_OVER): _END,
}

SERVER: Table = {  # section 17.2.2, figure 8
    (State.TRYING, Input.PROVISIONAL): ((Effect.SEND,), State.PROCEEDING),
    (State.TRYING, Input.SUCCESS): _REPLIED,
    (State.TRYING, Input.FAILURE): _REPLIED,
    # Not in the RFC: once the client's Timer F is past, nobody waits for an answer any more.
    (State.TRYING, Input.GIVE_UP): _END,
    (State.PROCEEDING, Input.REQUEST): ((Effect.SEND,), State.PROCEEDING),
    (State.PROCEEDING, Input.PROVISIONAL): ((Effect.SEND,), State.PROCEEDING),
    (State.PROCEEDING, Input.SUCCESS): _REPLIED,
    (State.PROCEEDING, Input.FAILURE): _REPLIED,
    (State.PROCEEDING, Input.GIVE_UP): _END,
    (State.COMPLETED, Input.REQUEST): ((Effect.SEND,), State.COMPLETED),
    (State.COMPLETED, Input.LINGER_OVER): _END,
}


def status_input(status: int) -> Input:
    """The input that a response of this status is."""
    if status < 200:
        return Input.PROVISIONAL
    return Input.SUCCESS if status < 300 else Input.FAILURE
