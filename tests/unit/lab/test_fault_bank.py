"""Every fault of the bank on every family that shows it: it strikes, in the words that were drawn."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from tests.unit.lab.virtual_lab import CONFIG, SECOND, TCP, US, Caller, campaign, status

from shiftline.errors import ConfigurationError
from shiftline.governor.limiters.spec import parse_limiter
from shiftline.lab.kamailio_faults import kamailio_faults
from shiftline.lab.kamailio_limiter import limiter_words
from shiftline.lab.pbx.bank.build import BANK, DrawnFault
from shiftline.lab.pbx.bank.limits import STANDINGS
from shiftline.lab.pbx.bank.wishes import Drawn, Wishes
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.personalities import FAMILIES, PERSONALITIES
from shiftline.lab.virtual import VirtualPbx
from shiftline.lab.virtual_client import VirtualExchange

PAIRS = [(name, family) for name, entry in BANK.items() for family in entry.shown]
SETTINGS = {
    "credentials.stale-nonce", "credentials.nonce-count", "credentials.algorithm", "registrar.shared-aor",
    "registrar.interval-too-brief", "network.unreachable", "network.fragmentation", "network.filtered",
}  # fmt: skip
"""Faults that are no judge of requests, and have a test of their own below."""
SEEDS = (1, 2, 3)
BURST = 40
LIMITS = [name for name in BANK if name.startswith("throttle.")]


def faulty(personality: str, *faults: str, seed: int = 1, **options: Drawn) -> VirtualPbx:
    return VirtualPbx(config_of(personality, *faults, seed=seed, **options))


def config_of(personality: str, *faults: str, seed: int = 1, **options: Drawn) -> PracticePbxConfig:
    wishes = Wishes(options=options)
    return replace(CONFIG, personality=personality, fault_ids=faults, seed=seed, wishes=wishes)


def battery(pbx: VirtualPbx, burst_of: int = BURST) -> list[VirtualExchange]:
    """All that a connector does in an ordinary hour, and a burst at its end."""
    caller = Caller(pbx)
    done = [caller.ask(caller.options(None)), caller.ask_bare(caller.query())]
    requests = (
        caller.query(), caller.options(), caller.options("agent0003"), caller.bind(),
        caller.subscribe(), caller.subscribe("dialog"), caller.subscribe("reg"), caller.call(),
    )  # fmt: skip
    done += [caller.log_in(request) for request in requests]
    at = pbx.now + 1.0
    burst = [caller.query() if number % 2 else caller.options() for number in range(burst_of)]
    for request in burst:
        caller.digest.authorize(request)
    tickets = [pbx.send(request, US, at) for request in burst]
    return done + [pbx.conclude(ticket) for ticket in tickets]


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_a_healthy_pbx_refuses_nothing(personality: str) -> None:
    """Each family answers an agent's OPTIONS with the truth, and lets the burst through."""
    pbx = faulty(personality)
    done = battery(pbx)
    agents = Caller(pbx, account="agent0001", source=SECOND)
    told = [status(agents.log_in(agents.options(user))) for user in CONFIG.agents]
    assert told == [200, 486, 404 if personality == "kamailio" else 480, 404]
    refused = {status(exchange) for exchange in done} - {200, 480, 404, 401}
    assert not refused
    assert [status(exchange) for exchange in done].count(401) == (1 + (personality == "pjsip"))


def one_of(pairs: list[tuple[str, str]]) -> list[tuple[str, str, int]]:
    """Each pair with the next of the seeds: all together meet most of what can be drawn."""
    return [(name, family, SEEDS[number % 3]) for number, (name, family) in enumerate(pairs)]


@pytest.mark.parametrize(
    ("name", "personality", "seed"),
    one_of([pair for pair in PAIRS if pair[0] not in SETTINGS and not pair[0].startswith("tls.")]),
)
def test_a_fault_strikes_in_the_words_that_were_drawn(name: str, personality: str, seed: int) -> None:
    """Its id is in the log, and the answer is the one that the truth names."""
    config = config_of(personality, name, seed=seed)
    pbx = VirtualPbx(replace(config, wishes=Wishes(limit=5)))
    done = battery(pbx, BURST if name.startswith(("throttle.", "capacity.")) else 0)
    if personality == "practice" and name == "capacity.overload":
        return  # slow and nothing else: see below
    (truth,) = pbx.truth
    struck = [record for record in pbx.records if record.reason == name]
    assert struck
    if truth.status is not None or truth.shows.startswith("silence"):
        assert {record.status for record in struck} == {truth.status}
        assert any(_shows(exchange, truth) for exchange in done)
    else:
        assert {record.status for record in struck} <= {401, 407}


def _shows(exchange: VirtualExchange, truth: DrawnFault) -> bool:
    if truth.status is not None and truth.status < 200:
        return exchange.heard == f"{truth.status} {truth.phrase}"
    phrase = exchange.response.reason if exchange.response else ""
    return status(exchange) == truth.status and (not truth.phrase or phrase == truth.phrase)


@pytest.mark.parametrize("name", BANK)
def test_the_campaign_goes_on(name: str) -> None:
    """Calls of the same hour go through on the plain PBX, unless the road or the box itself is down."""
    if "practice" not in BANK[name].shown:
        return
    pbx = faulty("practice", name)
    call = campaign(pbx)
    answered = status(call.log_in(call.call()))
    down = name.startswith(("network.", "capacity.")) or name in {"credentials.algorithm", "clock.skew"}
    assert answered == 200 or down, answered


@pytest.mark.parametrize("personality", PERSONALITIES)
@pytest.mark.parametrize("seed", SEEDS[:2])
def test_nonces_that_do_not_last_cost_a_challenge_each(personality: str, seed: int) -> None:
    """An old nonce gets a new one, with ``stale=true`` where that family says so; never a refusal."""
    pbx = faulty(personality, "credentials.stale-nonce", seed=seed)
    caller = Caller(pbx, pause_seconds=0.1)
    assert status(caller.log_in(caller.query())) == 200
    pbx.run_until(pbx.now + 4.0)
    again = caller.ask(caller.query())
    assert status(again) == 401
    assert again.response is not None
    said = "stale=true" in (again.response.headers.get("WWW-Authenticate") or "")
    assert said is (personality != "kamailio")


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_a_nonce_may_be_good_for_one_use(personality: str) -> None:
    """Fresh as it is, the second use is challenged."""
    pbx = faulty(personality, "credentials.nonce-count", nonce_uses=1)
    caller = Caller(pbx)
    assert status(caller.log_in(caller.query())) == 200
    assert status(caller.ask(caller.query())) == 401


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_an_algorithm_that_nobody_has_ends_at_the_challenge(personality: str) -> None:
    """The client gives up without sending credentials."""
    pbx = faulty(personality, "credentials.algorithm")
    caller = Caller(pbx)
    assert status(caller.log_in(caller.query())) == 401
    assert [record.carried_credentials for record in pbx.records] == [False]


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_another_systems_contact_takes_the_place_of_ours(personality: str) -> None:
    """For half of the time the registrar lists a contact that we never sent."""
    pbx = faulty(personality, "registrar.shared-aor", others_every_seconds=10)
    caller = Caller(pbx, pause_seconds=1.0)
    caller.log_in(caller.bind())
    seen = [caller.log_in(caller.query()) for _ in range(12)]
    contacts = {exchange.response.headers.get("Contact") for exchange in seen if exchange.response}
    assert any(contact and "127.0.0.9" in contact for contact in contacts)
    assert any(contact and "127.0.0.2" in contact for contact in contacts)


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_a_short_registration_is_too_brief(personality: str) -> None:
    """423 with the time it would take, which is then granted."""
    pbx = faulty(personality, "registrar.interval-too-brief")
    caller = Caller(pbx)
    refused = caller.log_in(caller.bind(expires=600))
    assert refused.response is not None
    assert refused.response.status == 423
    least = int(refused.response.headers.get("Min-Expires") or "0")
    assert least == pbx.truth[0].drawn["min_expires"]
    assert status(caller.log_in(caller.bind(expires=least))) == 200


@pytest.mark.parametrize("direction", ["inwards", "outwards"])
def test_behind_a_firewall_nothing_is_answered(direction: str) -> None:
    """The PBX may well have got it."""
    pbx = faulty("sbc", "network.filtered", direction=direction)
    caller = Caller(pbx)
    assert status(caller.ask(caller.options(None))) is None
    assert bool(pbx.records) is (direction == "outwards")


def test_an_unreachable_port_is_refused_at_once() -> None:
    """By the system, not by the PBX."""
    pbx = faulty("pjsip", "network.unreachable")
    caller = Caller(pbx)
    exchange = caller.ask(caller.options(None))
    assert (exchange.response, exchange.failure, pbx.records) == (None, "Connection refused", [])


def test_large_datagrams_are_lost_and_streams_are_not() -> None:
    """A padded request gets through over TCP alone."""
    pbx = faulty("freeswitch", "network.fragmentation", largest_bytes=640)
    asked = []
    for settings in (None, TCP):
        caller = Caller(pbx, settings=settings) if settings else Caller(pbx)
        request = caller.options(None)
        request.headers.add("X-Padding", "x" * 600)
        asked += [status(caller.ask_bare(caller.options(None))), status(caller.ask_bare(request))]
    assert asked == [200, None, 200, 200]


def test_an_alg_breaks_the_digest_over_udp_alone() -> None:
    """What comes back names a host that nobody wrote."""
    pbx = faulty("kamailio", "network.alg")
    over_udp, over_tcp = Caller(pbx), Caller(pbx, settings=TCP)
    bare = over_udp.ask_bare(over_udp.query())
    assert bare.response is not None
    assert str(pbx.truth[0].drawn["written_host"]) in (bare.response.headers.get("Via") or "")
    assert status(over_udp.log_in(over_udp.query())) == 401
    assert status(over_tcp.log_in(over_tcp.query())) == 200


def test_a_nat_shows_in_received() -> None:
    """The answer finds its way, and says where the PBX saw it come from."""
    pbx = faulty("practice", "network.nat-source")
    caller = Caller(pbx)
    refused = caller.ask(caller.query())
    assert refused.response is not None
    assert refused.response.status == 403
    assert f"received={pbx.truth[0].drawn['seen_as']}" in (refused.response.headers.get("Via") or "")


def test_a_missing_address_is_the_first_ones_alone() -> None:
    """acl.partial: the peer's second address is on the list; acl.source: it is not."""
    found = []
    for name in ("acl.partial", "acl.source"):
        pbx = faulty("kamailio", name)
        first, second = Caller(pbx), Caller(pbx, source=SECOND)
        found.append([status(caller.ask(caller.query())) for caller in (first, second)])
    assert found == [[403, 401], [403, 403]]


def test_an_overload_slows_answers_down() -> None:
    """The plain practice PBX takes 20 times its 20 to 60 ms."""
    pbx = faulty("practice", "capacity.overload")
    caller = Caller(pbx)
    exchange = caller.ask(caller.query())
    assert exchange.answered_after is not None
    assert 0.4 <= exchange.answered_after <= 1.3


def test_a_lock_ends_and_a_ban_ends() -> None:
    """After the time that was drawn the same request passes."""
    for name, family, before in (("ban.user", "kamailio", 403), ("ban.source", "pjsip", None)):
        pbx = faulty(family, name, in_force_seconds=30)
        caller = Caller(pbx)
        assert status(caller.log_in(caller.query())) == before
        pbx.run_until(pbx.now + 31)
        assert status(caller.log_in(caller.query())) == 200


@pytest.mark.parametrize("limit", [5, 20])
def test_a_throttle_keeps_the_limit_it_was_told(limit: int) -> None:
    """--limit is not left to the seed: so many of a burst pass in one window."""
    config = config_of("sbc", "throttle.source", form="window")
    pbx = VirtualPbx(replace(config, wishes=replace(config.wishes, limit=limit)))
    caller = Caller(pbx)
    tickets = [pbx.send(caller.options(None), US, pbx.now + 0.5) for _ in range(60)]
    pbx.run_until(pbx.now + 0.9)  # before any copy
    passed = [status(ticket[0]) for ticket in tickets if ticket].count(200)
    assert limit <= passed <= 2 * limit
    assert pbx.truth[0].drawn["limit"] == limit


def test_a_limiter_says_what_is_set_and_limits_the_same() -> None:
    """Another status changes nothing else that is drawn; some draw one, most do not."""
    told = []
    for name, family, seed in product(LIMITS, ("kamailio", "sbc"), range(1, 9)):
        one = faulty(family, name, seed=seed).truth[0]
        other = faulty(family, name, seed=seed, status=480).truth[0]
        if one.status is None:
            continue  # silence is no status
        assert other.status == other.drawn["status"] == 480
        assert {**one.drawn, "status": 480} == other.drawn
        told.append(one.status)
    assert 0.1 < sum(status not in (403, 503) for status in told) / len(told) < 0.4


def test_real_kamailio_says_it_too() -> None:
    """Its limiters take the status as an option."""
    names = ("throttle.source", "throttle.shared", "throttle.user", "throttle.method")
    for name in names:
        found = kamailio_faults([name], seed=1, wishes=Wishes(options={"status": 486}))
        words = limiter_words(parse_limiter(found.changes[0].limiter)).words
        assert (words["LAB_STATUS"], words["LAB_PHRASE"]) == ("486", "Busy Here")


def test_a_fault_may_begin_later() -> None:
    """Nothing is wrong before its time."""
    config = config_of("kamailio", "acl.source")
    pbx = VirtualPbx(replace(config, wishes=Wishes(since_seconds=60)))
    caller = Caller(pbx)
    assert status(caller.ask(caller.query())) == 401
    pbx.run_until(pbx.now + 61)
    assert status(caller.ask(caller.query())) == 403


def test_two_faults_are_both_there() -> None:
    """Each as it would be alone: a throttle for all, a wrong password for one account."""
    first = STANDINGS[0]
    names = ("credentials.wrong-password", "throttle.source")
    pbx = faulty("kamailio", *names, limit=5, window_seconds=1, stands=first)
    trunk, other = Caller(pbx, pause_seconds=1.0), Caller(pbx, account="agent0001", pause_seconds=1.0)
    assert status(trunk.log_in(trunk.query())) == 401
    assert status(other.log_in(other.query())) == 200
    tickets = [pbx.send(trunk.options(None), US, pbx.now + 1.0) for _ in range(60)]
    assert len({status(pbx.conclude(ticket)) for ticket in tickets}) == 2
    alone = faulty("kamailio", "throttle.source", limit=5, window_seconds=1, stands=first)
    assert [one for one in pbx.truth if one.id == "throttle.source"] == list(alone.truth)


@pytest.mark.parametrize(("personality", "seed"), [*product(FAMILIES, SEEDS[:2])])
def test_the_same_seed_draws_the_same(personality: str, seed: int) -> None:
    """And other seeds draw something else somewhere."""
    names = [name for name, entry in BANK.items() if personality in entry.shown]
    drawn = [faulty(personality, *names, seed=number).truth for number in (seed, seed, seed + 10)]
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(
    ("name", "personality", "says"),
    [
        ("acl.sorce", "practice", "There is no fault 'acl.sorce' here."),
        ("acl.source", "cisco", "There is no personality 'cisco'."),
        ("acl.via-source", "pjsip", "The personality pjsip cannot show the fault acl.via-source."),
    ],
)
def test_what_cannot_be_is_told(name: str, personality: str, says: str) -> None:
    """With what to do instead."""
    with pytest.raises(ConfigurationError, match=says) as told:
        faulty(personality, name)
    assert told.value.remedy
