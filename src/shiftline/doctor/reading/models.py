"""What exchanges have in common, as one of them that serves as their model."""

from __future__ import annotations

from typing import TypeAlias

from shiftline.diagnosis.exchange import Carried, Challenge, Exchange
from shiftline.doctor.reading import logins, words
from shiftline.doctor.reading.layout import DIGEST_WORDS
from shiftline.doctor.reading.sighting import Flow
from shiftline.doctor.reading.stencils import Common

Hint: TypeAlias = tuple[str, str]
"""One of `Exchange.hints`."""
Shared: TypeAlias = tuple[Flow, Common, Common | None, Hint | None, Carried | None, Challenge | None]


def _model(shared: Shared) -> Exchange:
    flow, request, reply, hint, carried, challenge = shared
    habit = words.habit[request]
    answer = words.NO_ANSWER if reply is None else words.answer[reply]
    if login := request.values[DIGEST_WORDS]:
        carried, _, _ = logins.carried(login)
    if reply is not None and (asked := reply.values[DIGEST_WORDS]):
        challenge, _ = logins.challenge(asked)
    return Exchange(
        at=0.0,
        source=flow.source,
        source_port=flow.source_port,
        target=flow.target,
        target_port=flow.target_port,
        transport=flow.transport,
        method=habit.method,
        user=habit.user,
        uri_host=habit.uri_host,
        from_user=habit.from_user,
        from_host=habit.from_host,
        contact_host=habit.contact_host,
        via_host=habit.via_host,
        user_agent=habit.user_agent,
        event=habit.event,
        headers=habit.headers,
        carried=carried,
        status=answer.status,
        reason=answer.reason,
        challenge=challenge if answer.status in (401, 407) else None,
        hints=answer.hints if reply is not None or hint is None else dict([hint]),
        alike=object(),
    )


models = words.Memory(_model)
"""From all that exchanges may have in common (`Exchange.alike`): the flow, what is common to the requests and
to the answers, what came in place of one, and credentials and challenge where they are no part of that."""
