"""Whom to ask once more when a refusal may mean the rate, our account, or one agent.

The one that was refused tells whether it was the rate; a user of whom the PBX has told us before tells
whether it is our account or the path: another agent might be refused for himself. Before anybody was told
of, that user is a control, who is known to be there.
"""

from __future__ import annotations

from shiftline.governor.governor import Governor
from shiftline.governor.state import Mode
from shiftline.net.waiting import Waiting, WaitingWork


class Witnesses:
    """Who may be asked on one trunk."""

    def __init__(self, controls: tuple[str, str] | None) -> None:
        """``controls`` are SIP URIs: the present one, the absent one."""
        self._controls = [Waiting(witness=address) for address in controls or ()]
        self._vouches: Waiting | None = None
        self._passed: Waiting | None = None
        self._suspect: Waiting | None = None
        self._refused = ""
        self._asked: Waiting | None = None
        self._asks_box = True
        """What the next canary is about: the box itself, or the present control."""

    def passed(self, waiting: Waiting, *, vouches: bool) -> None:
        """The PBX has told of this user; ``vouches``: to a request that had all we can show in it."""
        one = Waiting(witness=waiting.address)
        if vouches:
            self._vouches = one
        else:
            self._passed = one

    def refused(self, waiting: Waiting) -> None:
        """This question was refused, and nobody knows yet why."""
        self._suspect, self._refused = waiting, waiting.address

    def canary_answered(self, *, refused: bool) -> None:
        """Keep to what passes: the one after a refused canary asks about somebody else."""
        self._asks_box ^= refused

    def for_canary(self) -> str | None:
        """The user, by SIP URI, whom the next canary is about; None: about the box.

        Some PBXs refuse an OPTIONS to themselves from everybody, and yet tell of their users.
        """
        return None if self._asks_box or not self._controls else self._controls[0].witness

    def asked_again(self, governor: Governor, waiting: WaitingWork) -> Waiting | None:
        """The question that goes before all others now, if one does."""
        asked, self._asked = self._asked, None
        if not governor.asks_for_account:
            suspect, self._suspect = self._suspect, None  # while a witness is asked before him he waits
            if suspect is not None and governor.is_doubting and waiting.take_out(suspect):
                return suspect
            # At rest every refusal lengthens the silence, so the next one should be an answer.
            is_open_question = suspect is not None or (asked is not None and asked.attempt is not None)
            if governor.mode is not Mode.PROVING or not is_open_question:
                return None
        if asked is None or asked.attempt is None:
            asked = self._choose()
        self._asked = asked
        return asked

    def _choose(self) -> Waiting | None:
        able = (self._vouches, *self._controls, self._passed)
        return next((one for one in able if one is not None and one.witness != self._refused), None)
