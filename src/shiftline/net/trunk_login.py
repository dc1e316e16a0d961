"""A trunk's password: when it may leave, and what the answers say of it, of the rate and of one agent.

Until the PBX has taken it, it leaves only where it was asked for, and by one request alone. So a wrong one
costs the strikes that the governor counts, and never one for each request of a burst.
"""

from __future__ import annotations

from dataclasses import dataclass

from shiftline.governor.controller import Answer
from shiftline.governor.state import Mode
from shiftline.net.asking import classify
from shiftline.net.waiting import Waiting
from shiftline.sip.digest import DigestClient
from shiftline.sip.message import Request, Response


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an answer means."""

    answer: Answer
    """For the question: PASSED says that it was answered, even if by a refusal of its own."""
    meant: Answer
    """For the governor."""


class TrunkLogin:
    """See the module's text."""

    def __init__(self, digest: DigestClient | None) -> None:
        """``digest`` answers challenges; None: there is no account."""
        self.digest = digest
        self.is_accepted = False
        """The PBX has taken the password."""
        self.is_being_tried = False
        """A request with a password that was never taken is on its way: nothing else may leave."""
        self.passes = 0
        """How many requests got through."""

    def forget(self) -> None:
        """Whatever made the trunk ours anew may have changed the password."""
        self.is_accepted = False

    def leaves(self, waiting: Waiting | None, request: Request) -> bool:
        """Add our credentials to what is about to leave, where they may be; return whether they are in it."""
        carried = waiting is not None and self._carries(waiting, request)
        if waiting is not None:
            waiting.carried = carried
        self.is_being_tried = carried and not self.is_accepted
        return carried

    def is_back(self, waiting: Waiting | None) -> None:
        """It was answered, or never will be."""
        self.is_being_tried &= waiting is None or not waiting.carried

    def judge(
        self,
        waiting: Waiting | None,
        request: Request,
        response: Response | None,
        *,
        mode: Mode,
        alone: bool,
    ) -> Judgement:
        """What the answer to ``request``, as it left, means; a canary has no ``waiting``.

        ``alone``: agents wait and nothing leaves but controls, which rules the rate out as a reason.
        """
        answer = meant = classify(self.digest, request, response)
        if waiting is None:
            self.passes += answer in (Answer.PASSED, Answer.CHALLENGED)
        elif answer is Answer.PASSED:
            self.passes += 1
            self.is_accepted |= waiting.carried
        elif answer is Answer.CHALLENGED and waiting.carried:
            # Asked again although it carried a password: a strike, unless the PBX has taken it before.
            meant = answer if self.is_accepted else Answer.CREDENTIALS_REFUSED
        elif waiting.witness:
            return Judgement(answer, meant)  # whatever else he is, he has passed before
        elif _is_refused_trial(waiting, answer):
            return Judgement(Answer.PASSED, self._of_trial(answer, mode, alone=alone))
        elif answer is Answer.REFUSED and waiting.is_refused_for_itself(self.passes):
            # While credentials are being proven, one more refusal of them must still count as one.
            return Judgement(Answer.PASSED, Answer.REFUSED if mode is Mode.PROVING else Answer.PASSED)
        return Judgement(answer, meant)

    def _carries(self, waiting: Waiting, request: Request) -> bool:
        may_carry = self.is_accepted or waiting.attempt is not None
        return may_carry and self.digest is not None and self.digest.authorize(request)

    def _of_trial(self, answer: Answer, mode: Mode, *, alone: bool) -> Answer:
        """What a refused trial of a method means for admission.

        While agents wait for the controls nothing else leaves, so at an open trunk a 403 is not the rate's.
        A password that the PBX has taken is not wrong because it may not do this.
        """
        if answer is Answer.CREDENTIALS_REFUSED and self.is_accepted:
            return Answer.CHALLENGED
        is_open = mode in (Mode.CLIMBING, Mode.HOLDING)
        return Answer.CHALLENGED if answer is Answer.REFUSED and is_open and alone else answer


def _is_refused_trial(waiting: Waiting, answer: Answer) -> bool:
    """Whether a candidate method had our credentials refused: a 403 without them may be a throttle's."""
    is_trial = waiting.control is not None and waiting.control.is_trial
    refused = answer is Answer.CREDENTIALS_REFUSED or (answer is Answer.REFUSED and waiting.carried)
    return is_trial and refused
