"""The doctor's examination of a virtual PBX: hours in seconds, and always the same for the same seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from shiftline.diagnosis.experiment import Permission
from shiftline.diagnosis.probe import Account, Path, Source
from shiftline.doctor.examination import Answer, Case, Examination, Sending, Way
from shiftline.doctor.examination.examination import DEFAULT_BUDGET, Choose, most_telling
from shiftline.doctor.examination.ledger import SharedLogins
from shiftline.lab.virtual import VirtualPbx
from shiftline.lab.virtual_client import ClientSettings, VirtualExchange
from shiftline.sip.events import Address
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri

OWN: Address = ("127.0.0.2", 5062)
OTHER: Address = ("127.0.0.4", 5062)
"""The second source: an address of the same client, on no list either."""
_STEP_SECONDS = 5.0


def examine(
    pbx: VirtualPbx,
    case: Case,
    permission: Permission,
    *,
    budget: int = DEFAULT_BUDGET,
    seed: int = 1,
    choose: Choose = most_telling,
    refused_before: Mapping[Account, Sequence[float]] | None = None,
    logins: SharedLogins | None = None,
) -> Examination:
    """Examine it to the end. ``seed`` draws the tokens of the client."""
    random = Random(f"examination/{seed}")
    driver = _Driver(pbx, case, permission, budget, random, choose, refused_before or {}, logins)
    driver.run()
    return driver.examination


class _Driver:
    def __init__(
        self,
        pbx: VirtualPbx,
        case: Case,
        permission: Permission,
        budget: int,
        random: Random,
        choose: Choose,
        refused_before: Mapping[Account, Sequence[float]],
        logins: SharedLogins | None,
    ) -> None:
        self._pbx = pbx
        self._case = case
        self._alarm: float | None = None
        self.examination = Examination(
            case,
            permission,
            token=lambda: f"{random.getrandbits(64):016x}",
            contact_of=self._contact,
            budget=budget,
            choose=choose,
            refused_before=refused_before,
            logins=logins,
        )

    def run(self) -> None:
        """Until there is nothing more to ask."""
        self.examination.begin(self._pbx.now)
        self._settle()
        while not self.examination.is_over:
            self._pbx.run_until(self._pbx.now + _STEP_SECONDS)

    def _settle(self) -> None:
        """Send what is to leave, and set the alarm."""
        for sending in self.examination.sendings():
            self._send(sending)
        due = self.examination.next_timer()
        if due is not None and due != self._alarm:
            self._alarm = due
            self._pbx.call_at(due, lambda: self._wake(due))

    def _wake(self, due: float) -> None:
        if self._alarm != due:
            return  # another alarm took its place
        self._alarm = None
        self.examination.handle_timer(self._pbx.now)
        self._settle()

    def _send(self, sending: Sending) -> None:
        source = _source(sending.way)
        if sending.is_stateless:
            self._pbx.send_stateless(sending.request, source)
            return

        def done(exchange: VirtualExchange) -> None:
            self.examination.answered(sending.key, _answer(exchange), self._pbx.now)
            self._settle()

        self._pbx.send(
            sending.request,
            source,
            settings=self._settings(sending.way),
            timeout_seconds=sending.timeout_seconds,
            when_done=done,
        )

    def _settings(self, way: Way) -> ClientSettings:
        usual = way.path is Path.USUAL
        return ClientSettings(
            user_agent="",
            via=(self._case.other_address, _source(way)[1]) if way.names_other else None,
            transport=self._case.transport if usual else self._case.other_transport,
            repeats=way.repeats,
            moves_large=False,
        )

    def _contact(self, way: Way) -> SipUri:
        host, port = _source(way)
        host = self._case.other_address if way.names_other else host
        is_tcp = way.path is Path.OTHER_TRANSPORT and self._case.other_transport is Transport.TCP
        return SipUri(host=host, port=port, parameters=(("transport", "tcp"),) if is_tcp else ())


def _source(way: Way) -> Address:
    return OWN if way.source is Source.OWN else OTHER


def _answer(exchange: VirtualExchange) -> Answer:
    return Answer(
        response=exchange.response,
        answered_after=exchange.answered_after,
        copies=exchange.copies,
        failure=exchange.failure,
        heard=exchange.heard,
        request=exchange.request,
    )
