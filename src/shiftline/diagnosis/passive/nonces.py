"""Which challenge a request answered: a fresh one, one of before, or one that nobody saw."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from shiftline.diagnosis.copies import arrivals_of
from shiftline.diagnosis.evidence import MOST_PLACES, Mark
from shiftline.diagnosis.exchange import Carried, Challenge, Exchange, Place
from shiftline.diagnosis.groups import best_split
from shiftline.diagnosis.outcome import Outcome, outcome_of
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
_MOST_COUNTS = 4096
"""Up to this nonce count a repeat is noticed."""
KNOWN_ALGORITHMS = frozenset(
    f"{name}{session}" for name in ("MD5", "SHA-256", "SHA-512-256") for session in ("", "-sess")
)
"""Of RFC 8760 and RFC 7616; clients can do these."""


@dataclass(slots=True)
class _Issued:
    at: float
    call_id: str
    uses: int = 0
    last_at: float = 0.0
    """When it was issued or used last."""
    counts: int = 0
    """The nonce counts that were used with it, as bits: those of a burst arrive in any order."""
    was_accepted: bool = False


class NonceBook:
    """Remembers the nonces of the last challenges, and the calls that owe an answer to one."""

    def __init__(self) -> None:
        self._issued: OrderedDict[str, _Issued] = OrderedDict()
        self._owing: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self._fresh: OrderedDict[tuple[str, str], Outcome] = OrderedDict()
        """What became of each account's last login with a fresh nonce, over each transport."""
        self._reuses: list[tuple[int, float, float, bool]] = []
        """Of each login with a known nonce: which use of it, its age, its rest (s), and whether it was
        challenged."""
        self.seen: Counter[str] = Counter()
        """How often each habit was seen, by kind of mark; and ``challenges``, ``answers``."""
        self.places: dict[str, list[Place]] = {}

    def judge(self, exchange: Exchange) -> tuple[Outcome, Credentials]:
        """Outcome of an exchange and the sort of credentials it carried; remembers its challenge."""
        if exchange.carried is not None:
            return self._judge_login(exchange, exchange.carried)
        if exchange.challenge is not None:
            self._remember(exchange, exchange.challenge)
        return outcome_of(exchange), Credentials.NONE

    def _judge_login(self, exchange: Exchange, carried: Carried) -> tuple[Outcome, Credentials]:
        issued = self._issued.get(carried.nonce)
        # A copy that was lost is not what the server judged.
        sent_at = exchange.at + arrivals_of(exchange.copied_after, exchange.answered_after)[0]
        age = 0.0 if issued is None else sent_at - issued.at
        rest = 0.0 if issued is None else sent_at - issued.last_at
        credentials, earlier = self._credentials(exchange, carried, issued)
        outcome = outcome_of(exchange, earlier_nonce=earlier)
        if exchange.challenge is not None:
            self._remember(exchange, exchange.challenge)
        if credentials is Credentials.FRESH:
            self._note_fresh(carried.username, exchange.transport, outcome)
        elif self._is_refused_anyway(exchange, outcome):
            return Outcome.CHALLENGE_AGAIN, Credentials.FRESH
        elif outcome is Outcome.CHALLENGE_STALE and issued is not None and not issued.was_accepted:
            return Outcome.CHALLENGE, Credentials.NONE  # it may be the login, or the nonce
        if issued is not None:
            self._judge_reuse(exchange, issued, age)
        if credentials is Credentials.AGED and outcome is Outcome.OK and rest <= YOUNG_SECONDS:
            # Some servers count from the last use of a nonce: for them it is as good as fresh.
            credentials = Credentials.FRESH
        if credentials is Credentials.AGED and self._is_forgotten(exchange, carried):
            if outcome is Outcome.CHALLENGE_STALE:
                return Outcome.CHALLENGE, Credentials.NONE
            credentials = Credentials.CACHED
        if exchange.status in (401, 407):
            self._second_challenge(exchange, credentials)
        return outcome, credentials

    def _note_fresh(self, username: str, transport: str, outcome: Outcome) -> None:
        self._fresh[username, transport] = outcome
        if len(self._fresh) > _MOST:
            self._fresh.popitem(last=False)

    def _is_refused_anyway(self, exchange: Exchange, outcome: Outcome) -> bool:
        """Challenged with an older nonce, as this account is with a fresh one: then age is not the reason."""
        carried = exchange.carried
        known = None if carried is None else self._fresh.get((carried.username, exchange.transport))
        return outcome is Outcome.CHALLENGE_STALE and known is Outcome.CHALLENGE_AGAIN

    def _judge_reuse(self, exchange: Exchange, issued: _Issued, age: float) -> None:
        """What becomes of a nonce that was accepted before, while it is young."""
        if exchange.method == "OPTIONS" and not exchange.user:
            return  # a server may answer it whatever it carries (K19)
        is_challenged = exchange.status in (401, 407)
        if age < FORGOTTEN_SECONDS and exchange.status is not None and len(self._reuses) < _MOST:
            self._reuses.append((issued.uses, age, exchange.at - issued.last_at, is_challenged))
        issued.last_at = exchange.at
        if issued.was_accepted and age <= YOUNG_SECONDS:
            self._saw("traffic.reuse-refused-young" if is_challenged else "traffic.reuse-passed", exchange)
        if exchange.status is not None and not is_challenged and exchange.status != 403:
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

    def _credentials(
        self, exchange: Exchange, carried: Carried, issued: _Issued | None
    ) -> tuple[Credentials, str]:
        if self._owing.pop(exchange.call_id, None) is not None:
            self.seen["answers"] += 1
        if issued is None:
            return Credentials.CACHED, ""
        used = 1 << min(carried.nonce_count or 0, _MOST_COUNTS)
        if 1 < used < 1 << _MOST_COUNTS and issued.counts & used:
            self._saw("traffic.count-repeated", exchange)
        issued.counts |= used
        issued.uses += 1
        age = exchange.at - issued.at
        if issued.uses == 1 and age <= FRESH_SECONDS:
            return Credentials.FRESH, carried.nonce
        return (Credentials.AGED if age >= AGED_SECONDS else Credentials.CACHED), ""

    def _is_forgotten(self, exchange: Exchange, carried: Carried) -> bool:
        issued = self._issued.get(carried.nonce)  # not that of before, if the same was issued again
        return issued is not None and exchange.at - issued.at >= FORGOTTEN_SECONDS

    def _remember(self, exchange: Exchange, challenge: Challenge) -> None:
        answered = exchange.at + (exchange.answered_after or 0.0)
        self._issued[challenge.nonce] = _Issued(answered, exchange.call_id, last_at=answered)
        if len(self._issued) > _MOST:
            self._issued.popitem(last=False)
        if KNOWN_ALGORITHMS.isdisjoint(challenge.algorithms):
            self._saw("challenge.unknown-algorithm", exchange)
        elif exchange.carried is None:
            self.seen["challenges"] += 1
            self._owing[exchange.call_id] = (answered, exchange.source)
            if len(self._owing) > _MOST:
                self._owing.popitem(last=False)

    def _second_challenge(self, exchange: Exchange, credentials: Credentials) -> None:
        stale = exchange.challenge is not None and exchange.challenge.is_stale
        if credentials is Credentials.FRESH and not stale:
            self._saw("traffic.new-nonce-refused", exchange)
        elif credentials is Credentials.AGED and not stale:
            self._saw("traffic.old-nonce-refused", exchange)

    def _saw(self, kind: str, exchange: Exchange) -> None:
        self.seen[kind] += 1
        places = self.places.setdefault(kind, [])
        if len(places) < MOST_PLACES:
            places += exchange.places[:1]
