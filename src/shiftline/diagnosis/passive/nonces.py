"""Which challenge a request answered: a fresh one, one of before, or one that nobody saw."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator

from shiftline.diagnosis.copies import arrivals_of
from shiftline.diagnosis.evidence import MOST_PLACES, Mark
from shiftline.diagnosis.exchange import Brief, Challenge, Place
from shiftline.diagnosis.groups import best_split
from shiftline.diagnosis.outcome import Outcome, outcome_in
from shiftline.diagnosis.probe import Credentials

FRESH_SECONDS = 4.0
"""So long after its challenge an answer counts as one to a fresh challenge."""
AGED_SECONDS = 5.0
YOUNG_SECONDS = 1.0
"""No server forgets a nonce so soon; one that refuses it then wants each to be used once."""
FORGOTTEN_SECONDS = 25.0
"""From this age on, servers may forget (OpenSIPS 30 s, PJSIP 32 s): a challenge then is no second one."""
_MOST = 20_000
_LEAST_REUSES = 10
_ACCURATE, _MARGIN = 0.9, 0.03
"""Share that use or age has to tell right, refused and accepted weighing the same, and by how much better."""
_MOST_ACCOUNTS = 256
"""So many accounts are told apart that use one nonce."""
_MOST_COUNTS = 4096
"""Up to this nonce count a repeat is noticed."""
KNOWN_ALGORITHMS = frozenset(
    f"{name}{session}" for name in ("MD5", "SHA-256", "SHA-512-256") for session in ("", "-sess")
)
"""Of RFC 8760 and RFC 7616; clients can do these."""


class _Issued:
    """A nonce that a server gave out. What most of them never get is the class's, and costs nothing.

    Kamailio gives one nonce to all that it challenges in a second: each account uses and counts for itself.
    """

    username = ""
    """The account that used it first."""
    others: dict[str, _Issued] | None = None
    uses = 0
    counts = 0
    """The nonce counts that were used with it, as bits: those of a burst arrive in any order."""
    was_accepted = False

    def __init__(self, at: float) -> None:
        self.at = at
        self.last_at = at
        """When it was issued or used last."""

    def to(self, username: str) -> _Issued:
        """The nonce as this account has it."""
        if self.username in ("", username):
            self.username = username
            return self
        if self.others is None:
            self.others = {}
        if len(self.others) >= _MOST_ACCOUNTS and username not in self.others:
            return _Issued(self.at)  # of so many nobody is remembered
        return self.others.setdefault(username, _Issued(self.at))


class NonceBook:
    """Remembers the nonces of the last challenges, and the calls that owe an answer to one."""

    def __init__(self) -> None:
        self._issued: OrderedDict[str, _Issued] = OrderedDict()
        self._owing: OrderedDict[str, None] = OrderedDict()
        self._fresh: OrderedDict[tuple[str, str], Outcome] = OrderedDict()
        """What became of each account's last login with a fresh nonce, over each transport."""
        self._reuses: list[tuple[int, float, float, bool]] = []
        """Of each login with a known nonce: which use of it, its age, its rest (s), and whether it was
        challenged."""
        self.seen: Counter[str] = Counter()
        """How often each habit was seen, by kind of mark; and ``challenges``, ``answers``."""
        self.places: dict[str, list[Place]] = {}
        self._outcomes: dict[object, Outcome] = {}
        """By `Exchange.alike`, where no nonce decides it."""

    def judge(self, one: Brief) -> tuple[Outcome, Credentials]:
        """Outcome of an exchange and the sort of credentials it carried; remembers its challenge."""
        model = one.model
        if model.carried is not None:
            return self._judge_login(one, model.carried.username)
        if model.challenge is not None:
            self._remember(one, model.challenge)
        return self._outcome(one), Credentials.NONE

    def _outcome(self, one: Brief, earlier: str = "") -> Outcome:
        """What `outcome_in` says, found out once for those that are alike."""
        model = one.model
        known = self._outcomes.get(model.alike)
        if known is not None:
            return known
        outcome = outcome_in(one, earlier_nonce=earlier)
        if model.alike is not None and (model.carried is None or model.status not in (401, 407)):
            if len(self._outcomes) >= _MOST:
                self._outcomes.clear()
            self._outcomes[model.alike] = outcome
        return outcome

    def _judge_login(self, one: Brief, username: str) -> tuple[Outcome, Credentials]:
        model = one.model
        given = self._issued.get(one.nonce)
        issued = None if given is None else given.to(username)
        sent_at = _judged_at(one) if one.copied_after else one.at
        age = 0.0 if issued is None else sent_at - issued.at
        rest = 0.0 if issued is None else sent_at - issued.last_at
        credentials, earlier = self._credentials(one, issued)
        outcome = self._outcome(one, earlier)
        if model.challenge is not None:
            self._remember(one, model.challenge)
        if credentials is Credentials.FRESH:
            self._note_fresh(username, model.transport, outcome)
        elif self._is_refused_anyway(username, model.transport, outcome):
            return Outcome.CHALLENGE_AGAIN, Credentials.FRESH
        elif outcome is Outcome.CHALLENGE_STALE and issued is not None and not issued.was_accepted:
            return Outcome.CHALLENGE, Credentials.NONE  # it may be the login, or the nonce
        if issued is not None:
            self._judge_reuse(one, issued, age)
        if credentials is Credentials.AGED and outcome is Outcome.OK and rest <= YOUNG_SECONDS:
            # Some servers count from the last use of a nonce: for them it is as good as fresh.
            credentials = Credentials.FRESH
        if credentials is Credentials.AGED and self._is_forgotten(one):
            if outcome is Outcome.CHALLENGE_STALE:
                return Outcome.CHALLENGE, Credentials.NONE
            credentials = Credentials.CACHED
        if model.status in (401, 407):
            self._second_challenge(one, credentials)
        return outcome, credentials

    def _note_fresh(self, username: str, transport: str, outcome: Outcome) -> None:
        self._fresh[username, transport] = outcome
        if len(self._fresh) > _MOST:
            self._fresh.popitem(last=False)

    def _is_refused_anyway(self, username: str, transport: str, outcome: Outcome) -> bool:
        """Challenged with an older nonce, as this account is with a fresh one: then age is not the reason."""
        is_stale = outcome is Outcome.CHALLENGE_STALE
        return is_stale and self._fresh.get((username, transport)) is Outcome.CHALLENGE_AGAIN

    def _judge_reuse(self, one: Brief, issued: _Issued, age: float) -> None:
        """What becomes of a nonce that was accepted before, while it is young."""
        model = one.model
        if model.method == "OPTIONS" and not model.user:
            return  # a server may answer it whatever it carries (K19)
        is_challenged = model.status in (401, 407)
        if age < FORGOTTEN_SECONDS and model.status is not None and len(self._reuses) < _MOST:
            self._reuses.append((issued.uses, age, one.at - issued.last_at, is_challenged))
        issued.last_at = one.at
        if issued.was_accepted and age <= YOUNG_SECONDS:
            self._saw("traffic.reuse-refused-young" if is_challenged else "traffic.reuse-passed", one)
        if model.status is not None and not is_challenged and model.status != 403:
            issued.was_accepted = True

    def limit_marks(self) -> Iterator[Mark]:
        """Whether nonces are refused by how often they were used, or by how old they are."""
        refused = [one[-1] for one in self._reuses]
        if min(sum(refused), len(refused) - sum(refused)) < _LEAST_REUSES:
            return
        by_use = best_split((one[0] for one in self._reuses), refused, 0.0)
        # Some servers count from the issue of a nonce, some from its last use.
        ages = [
            best_split((int(10.0 * one[place]) for one in self._reuses), refused, 0.0) for place in (1, 2)
        ]
        by_age = max((one for one in ages if one is not None), key=lambda one: one.accuracy, default=None)
        if by_use is None or by_age is None or abs(by_use.accuracy - by_age.accuracy) < _MARGIN:
            return
        if by_use.accuracy > max(_ACCURATE, by_age.accuracy):
            text = f"from use {by_use.arrivals} on"
            yield Mark(kind="traffic.nonce-by-use", count=sum(refused), text=text)
        elif by_age.accuracy > _ACCURATE:
            text = f"from {by_age.arrivals / 10.0:.1f} s on"
            yield Mark(kind="traffic.nonce-by-age", count=sum(refused), text=text)

    def unanswered(self) -> int:
        """Calls whose challenge got no answer."""
        return len(self._owing)

    def _credentials(self, one: Brief, issued: _Issued | None) -> tuple[Credentials, str]:
        if one.call_id in self._owing:
            del self._owing[one.call_id]
            self.seen["answers"] += 1
        if issued is None:
            return Credentials.CACHED, ""
        if one.nonce_count is not None and one.nonce_count > 0:
            self._count(one, issued, one.nonce_count)
        issued.uses += 1
        age = one.at - issued.at
        if issued.uses == 1 and age <= FRESH_SECONDS:
            return Credentials.FRESH, one.nonce
        return (Credentials.AGED if age >= AGED_SECONDS else Credentials.CACHED), ""

    def _count(self, one: Brief, issued: _Issued, count: int) -> None:
        used = 1 << min(count, _MOST_COUNTS)
        if count < _MOST_COUNTS and issued.counts & used:
            self._saw("traffic.count-repeated", one)
        issued.counts |= used

    def _is_forgotten(self, one: Brief) -> bool:
        issued = self._issued.get(one.nonce)  # not that of before, if the same was issued again
        return issued is not None and one.at - issued.at >= FORGOTTEN_SECONDS

    def _remember(self, one: Brief, challenge: Challenge) -> None:
        answered = one.at + (one.answered_after or 0.0)
        self._issued[one.new_nonce] = _Issued(answered)
        if len(self._issued) > _MOST:
            self._issued.popitem(last=False)
        if KNOWN_ALGORITHMS.isdisjoint(challenge.algorithms):
            self._saw("challenge.unknown-algorithm", one)
        elif one.model.carried is None:
            self.seen["challenges"] += 1
            self._owing[one.call_id] = None
            if len(self._owing) > _MOST:
                self._owing.popitem(last=False)

    def _second_challenge(self, one: Brief, credentials: Credentials) -> None:
        challenge = one.model.challenge
        stale = challenge is not None and challenge.is_stale
        if credentials is Credentials.FRESH and not stale:
            self._saw("traffic.new-nonce-refused", one)
        elif credentials is Credentials.AGED and not stale:
            self._saw("traffic.old-nonce-refused", one)

    def _saw(self, kind: str, one: Brief) -> None:
        self.seen[kind] += 1
        places = self.places.setdefault(kind, [])
        if len(places) < MOST_PLACES:
            places += one.places[:1]


def _judged_at(one: Brief) -> float:
    """When the copy left that the server judged: one that was lost is not."""
    return one.at + arrivals_of(one.copied_after, one.answered_after)[0]
