"""A trunk's password: when it may leave, and what the answers say of it, of the rate and of one agent.

Until the PBX has taken it, it leaves only where it was asked for, and by one request alone. The same holds
from the moment on at which an answer casts doubt on it: a challenge to credentials, a refusal of them, or a
rest after which it may have been changed. So a wrong one costs the strikes that the governor counts, and
never one for each request of a burst. What is under way when the first of such answers comes cannot be
called back: rate times answer time. It counts for nothing, and leaves again only after the doubt is over.
What a 403 to a password that was taken means is for the governor to find out (`governor.account_trials`).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import inf

from shiftline.governor.controller import Answer
from shiftline.governor.state import Mode
from shiftline.net.asking import classify
from shiftline.net.waiting import Waiting
from shiftline.sip.digest import DigestClient
from shiftline.sip.message import Request, Response

LAPSE_SECONDS = 30.0
"""So long after a request with it passed may the password be taken for right by many at once."""
FRESH_SECONDS = 10.0
"""A challenge answered within so long cannot have grown old: the shortest life of a nonce is 30 s."""
HARMLESS_ONES = 3
HARMLESS_SECONDS = 10.0
HABIT_SECONDS = 60.0
"""A PBX whose challenges to credentials proved harmless so often within so long challenges by habit: its
nonces serve once. For a while each question then has a challenge of its own, and none casts doubt."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an answer means."""

    answer: Answer
    """For the question: PASSED says that it was answered, even if by a refusal of its own."""
    meant: Answer
    """For the governor."""


class TrunkLogin:
    """See the module's text. Times are seconds on the loop's clock."""

    def __init__(self, digest: DigestClient | None) -> None:
        """``digest`` answers challenges; None: there is no account."""
        self.digest = digest
        self.is_accepted = False
        """The PBX has taken the password since the trunk became ours."""
        self.is_being_tried = False
        """A request with a password that may be wrong is on its way: nothing else may leave."""
        self.passes = 0
        """How many requests got through."""
        self._is_doubted = False
        self._nonce_is_doubted = False
        self._taken_at = 0.0
        self._warmed_at = -inf
        self._trials_passed = 0
        self._harmless: deque[float] = deque(maxlen=HARMLESS_ONES)
        self._habit_until = 0.0

    def forget(self) -> None:
        """Whatever made the trunk ours anew may have changed the password."""
        self.is_accepted = self._is_doubted = False

    def was_warmed(self, now: float) -> None:
        """A challenge was fetched for those who come next: its nonce is no old one."""
        self._warmed_at = now

    def leaves(self, waiting: Waiting | None, request: Request, now: float) -> bool:
        """Add our credentials to what is about to leave, where they may be; return whether they are in it."""
        if waiting is None:
            return False
        is_trusted = self.is_accepted and not self._is_doubted and now - self._taken_at <= LAPSE_SECONDS
        waiting.carried = self._carries(waiting, request, now)
        waiting.tries_password = self.is_being_tried = waiting.carried and not is_trusted
        is_fresh = now - waiting.challenged_at <= FRESH_SECONDS
        waiting.answers_challenge = waiting.attempt is not None and is_fresh
        waiting.left_after, waiting.begins_anew = self._trials_passed, False
        return waiting.carried

    def is_back(self, waiting: Waiting | None) -> None:
        """It was answered, or never will be."""
        if waiting is not None and waiting.tries_password:
            self.is_being_tried = False

    def judge(
        self,
        waiting: Waiting | None,
        request: Request,
        response: Response | None,
        now: float,
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
            return Judgement(answer, meant)
        if waiting.carried:
            self._hear(waiting, answer, now)
        if answer is Answer.PASSED:
            self.passes += 1
        elif answer is Answer.CHALLENGED:
            waiting.challenged_at = now
            # Asked again although it carried a password that was never taken, or for a challenge just had.
            if waiting.tries_password and (waiting.answers_challenge or not self.is_accepted):
                meant = Answer.CREDENTIALS_REFUSED
        elif waiting.witness:
            return Judgement(answer, meant)  # whatever else he is, he has passed before
        elif _is_refused_trial(waiting, answer):
            return Judgement(Answer.PASSED, self._of_trial(answer, mode, alone=alone))
        elif answer is Answer.REFUSED and waiting.is_refused_for_itself(self.passes):
            # While credentials are being proven, one more refusal of them must still count as one.
            return Judgement(Answer.PASSED, Answer.REFUSED if mode is Mode.PROVING else Answer.PASSED)
        return Judgement(answer, meant)

    def _hear(self, waiting: Waiting, answer: Answer, now: float) -> None:
        """What an answer to our credentials tells of them."""
        if answer is Answer.PASSED:
            if waiting.tries_password:
                self._trials_passed += 1
                if self._nonce_is_doubted:
                    self._was_harmless(now)
                self.is_accepted, self._is_doubted, self._nonce_is_doubted = True, False, False
            if not self._is_doubted:  # what left before the doubt arose does not settle it
                self._taken_at = now
        elif answer is Answer.SILENT or waiting.left_after != self._trials_passed:
            return
        elif answer is not Answer.CHALLENGED or waiting.answers_challenge or now >= self._habit_until:
            waiting.begins_anew = self._is_doubted and not waiting.tries_password
            self._is_doubted = True
            self._nonce_is_doubted |= answer is not Answer.REFUSED

    def _was_harmless(self, now: float) -> None:
        """A challenge to credentials was no word against them."""
        self._harmless.append(now)
        if len(self._harmless) == HARMLESS_ONES and now - self._harmless[0] <= HARMLESS_SECONDS:
            self._habit_until = now + HABIT_SECONDS

    def _carries(self, waiting: Waiting, request: Request, now: float) -> bool:
        # Whoever challenges credentials gets no more of them for a nonce that was not meant for this one.
        # After a rest the nonce is old as well, and a login for it would be refused even if only that is so.
        is_in_use = now - max(self._taken_at, self._warmed_at) <= LAPSE_SECONDS
        is_sound = is_in_use and not self._nonce_is_doubted and now >= self._habit_until
        shares_nonce = self.is_accepted and is_sound
        may_carry = shares_nonce or waiting.attempt is not None
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
