"""How a transaction of ours ended, as its user is told."""

from __future__ import annotations

from shiftline.sip.events import RequestTimedOut, ResponseReceived, SendFailed
from shiftline.sip.message import Response
from shiftline.sip.transactions import ClientTransaction, Input, Transaction, status_input


def answer_to(transaction: ClientTransaction, response: Response, now: float) -> ResponseReceived:
    """A response came."""
    return ResponseReceived(
        key=transaction.key,
        request=transaction.request,
        response=response,
        rtt_seconds=now - transaction.started_at,
        copied_at=transaction.copied_at,
    )


def failure_of(transaction: ClientTransaction, why: str, now: float) -> SendFailed:
    """The transport refused it."""
    return SendFailed(
        key=transaction.key,
        request=transaction.request,
        rtt_seconds=now - transaction.started_at,
        why=why,
    )


def timeout_of(transaction: Transaction, now: float) -> RequestTimedOut | None:
    """Nobody answered in time; None for a transaction of the peer's, of whose end nobody is told."""
    if not isinstance(transaction, ClientTransaction):
        return None
    waited = now - transaction.started_at
    return RequestTimedOut(key=transaction.key, request=transaction.request, rtt_seconds=waited)


def accepts_call(event: ResponseReceived) -> bool:
    """Whether an INVITE was answered with a call."""
    return event.request.method == "INVITE" and status_input(event.response.status) is Input.SUCCESS
