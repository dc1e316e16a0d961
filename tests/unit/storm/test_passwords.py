"""No server, however slow and whatever it says, sees more than two passwords of a user that may be wrong."""

from __future__ import annotations

from collections import Counter
from itertools import cycle

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.storm.test_flows import CHALLENGE, Registrar, answer, flows_of, row

from shiftline.storm.flows import Flows
from shiftline.storm.script import register_script

STALE = b"401 Stale"
WORDS = (
    b"200 OK",
    b"401 Unauthorized",
    b"403 Forbidden",
    b"404 Not Found",
    b"503 Busy",
    b"480 Away",
    STALE,
    b"",
)
"""What credentials get; nothing is said for the last."""
JUDGES_NONE, ACCEPTS = b"503", (b"200", b"480")
STEP_SECONDS = 0.1


class SlowServer:
    """Challenges at once, and judges credentials as a script has it, so many seconds later.

    ``doubtful`` counts, of each user whose credentials it has not accepted, those that it refused or has not
    answered; a server that is too busy to judge them refuses none, nor does one that calls the nonce too old,
    which is believed once in a flow.
    """

    def __init__(self, script: list[tuple[bytes, float]]) -> None:
        self._script = cycle(script)
        self._registrar = Registrar()
        self._waiting: list[tuple[float, bytes, bytes]] = []
        self.doubtful: Counter[bytes] = Counter()
        self._proven: set[bytes] = set()
        self._believed: set[bytes] = set()
        """Flows that were told once that only their nonce was too old."""

    def take(self, request: bytes, now: float) -> None:
        """A request comes."""
        user = row(request, b"From").partition(b"@")[0]
        if not row(request, b"Authorization"):
            self._waiting.append((now, self._registrar(request), b""))
            return
        words, seconds = next(self._script)
        self.doubtful[user] += user not in self._proven
        challenges = [CHALLENGE.rstrip() % (int(now * 10) + 1)] if words.startswith(b"401") else []
        if words == STALE:
            challenges[0] += b", stale=true"
        if words:
            self._waiting.append((now + seconds, answer(request, words, *challenges), user))

    def tell(self, flows: Flows, now: float) -> None:
        """Answer what is due."""
        due = [one for one in self._waiting if one[0] <= now]
        self._waiting = [one for one in self._waiting if one[0] > now]
        for _, reply, user in due:
            before = len(flows.tally.answers)
            flows.receive(reply, now)
            if user and len(flows.tally.answers) > before:  # in time, and the first of its copies
                is_stale = b"stale=true" in reply and row(reply, b"Call-ID") not in self._believed
                self._believed |= {row(reply, b"Call-ID")} if is_stale else set()
                self._hear(reply[8:11], user, is_stale=is_stale)

    def _hear(self, status: bytes, user: bytes, *, is_stale: bool) -> None:
        if status in ACCEPTS:
            self._proven.add(user)
            self.doubtful[user] = 0
        elif (status == JUDGES_NONE or is_stale) and user not in self._proven:
            self.doubtful[user] -= 1


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(WORDS), st.floats(0.0, 40.0)), min_size=1, max_size=30),
    st.integers(1, 3),
    st.booleans(),
)
def test_two_at_most_are_refused_or_unanswered(
    script: list[tuple[bytes, float]], users: int, fresh: bool
) -> None:
    flows = flows_of(register_script(), users=users, fresh_challenge=fresh)
    server, source = SlowServer(script), flows.sources[0]
    for tick in range(1500):
        now = tick * STEP_SECONDS
        if tick < 1000:
            flows.start(now)
        flows.tick(now)
        flows.stamp(source, now, now)
        sent, source.out[:] = list(source.out), []
        for request in sent:
            server.take(request, now)
        assert max(server.doubtful.values(), default=0) <= 2
        server.tell(flows, now)
