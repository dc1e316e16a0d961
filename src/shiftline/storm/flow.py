"""A flow, the steps it takes, and the source address it takes them from."""

from __future__ import annotations

from collections.abc import Sequence

from shiftline.storm.authorizing import Authorizer
from shiftline.storm.script import Script
from shiftline.storm.template import Place, Template
from shiftline.storm.users import User


class ReadyStep:
    """A step, ready to be rendered for one source."""

    __slots__ = (
        "answers_challenge", "expects", "fixed_uri", "is_answered", "is_invite", "method", "pause",
        "template",
    )  # fmt: skip

    def __init__(self, script: Script, number: int, place: Place) -> None:
        step = script.steps[number]
        self.method = step.method.encode()
        self.template = Template(step.text, place)
        self.fixed_uri = self.template.fixed_start_of(step.method)
        """The Request-URI, if it is the same in all flows; else empty."""
        self.expects = frozenset(str(status).encode() for status in step.expects)
        self.is_answered = step.is_answered
        self.is_invite = step.method == "INVITE"
        self.answers_challenge = step.answers_challenge
        self.pause = step.pause_seconds


class Source:
    """One source address and port: its templates, and what waits to leave from it.

    ``begun`` and ``fresh`` are the flows whose requests stand in ``out`` for the first time: of those in
    ``begun`` it is the flow's very first. Whoever has sent ``out`` has them stamped (`Flows.stamp`).
    """

    __slots__ = ("authorizer", "begun", "fresh", "out", "place", "tracks")

    def __init__(self, place: Place, scripts: Sequence[Script], cnonce: str) -> None:
        """``scripts`` in the order in which flows take them."""
        made: dict[str, tuple[ReadyStep, ...]] = {}
        for script in scripts:
            if script.name not in made:
                made[script.name] = tuple(ReadyStep(script, n, place) for n in range(len(script.steps)))
        self.place = place
        self.tracks = tuple(made[script.name] for script in scripts)
        self.authorizer = Authorizer(cnonce)
        self.out: list[bytes] = []
        self.begun: list[Flow] = []
        self.fresh: list[Flow] = []


class Flow:
    """One flow under way."""

    __slots__ = (
        "answered", "attempt", "authorization", "cseq", "invite_key", "key", "message", "number", "peer_tag",
        "scheduled", "sent", "source", "step", "track", "user", "wait",
    )  # fmt: skip

    def __init__(
        self, number: bytes, scheduled: float, source: Source, track: tuple[ReadyStep, ...], user: User
    ) -> None:
        self.number = number
        self.scheduled = scheduled
        self.source = source
        self.track = track
        self.user = user
        self.step = self.attempt = self.cseq = 0
        self.authorization = self.peer_tag = self.message = self.key = b""
        self.answered = 0
        """Challenges of its own that the request under way has answered; none: it brought no credentials, or
        some for an older nonce."""
        self.invite_key = b""
        """Of the INVITE that the other side works on, then of that whose ACK is about to be sent."""
        self.sent = 0.0
        """When the request under way left; of a flow that pauses, until when."""
        self.wait = 0.0
        """Seconds between the last copy and the next; 0.0 while the flow pauses."""
