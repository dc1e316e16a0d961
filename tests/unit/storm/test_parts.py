"""The parts of the engine that need no server: durations, timers, shapes, users, templates, trust."""

from __future__ import annotations

import time
from itertools import chain
from pathlib import Path

import pytest

from shiftline.errors import ConfigurationError
from shiftline.secrets import Secret
from shiftline.storm.histogram import Histogram, merged
from shiftline.storm.kernel import read_table
from shiftline.storm.manners import is_private_address, require_manners
from shiftline.storm.plan import ClosedLoop, Mixed, OpenLoop, Plan, Target
from shiftline.storm.run_clock import RunClock
from shiftline.storm.sample import BindingCheck, Result, Sample, total
from shiftline.storm.script import options_script
from shiftline.storm.shape_text import parse_shape
from shiftline.storm.shapes import constant, ramp, replay, spike, steps
from shiftline.storm.template import Place, Template
from shiftline.storm.trust import flows_at_server, invalid_reasons
from shiftline.storm.users import names_from_template, read_users
from shiftline.storm.wheel import TimerWheel

PLACE = Place(
    remote_host="::1", remote_port=5070, local_host="::1", local_port=4, transport="UDP", mark="abc123"
)


def plan_of(**changes: object) -> Plan:
    values: dict[str, object] = {
        "target": Target(host="127.0.0.1"),
        "load": ClosedLoop(concurrency=10),
        "mix": (Mixed(script=options_script()),),
        "names": ["one", "two", "three"],
        "flows": 10,
    }
    return Plan(**{**values, **changes})  # type: ignore[arg-type]


def test_quantiles_are_within_half_a_percent_and_add_up() -> None:
    low, high = Histogram(), Histogram()
    low.record_all([n / 1000 for n in range(1, 501)])
    high.record_all([n / 1000 for n in range(501, 1001)])
    both = merged([low, high])
    for share in (0.01, 0.5, 0.95, 0.99):
        assert both.quantile(share) == pytest.approx(share, rel=0.006)
    assert (both.count, both.highest) == (1000, 1.0)
    assert both.mean == pytest.approx(0.5005)
    assert sum(both.buckets().values()) == 1000


def test_a_histogram_takes_what_is_no_duration() -> None:
    odd = Histogram()
    odd.record_all([0.0, -1e-7, 1e9])
    assert odd.count == 3
    assert odd.quantile(0.5) <= 2e-6
    assert Histogram().quantile(0.99) == 0.0


def test_the_wheel_gives_each_key_once_and_not_before_its_time() -> None:
    wheel = TimerWheel()
    wheel.add(b"soon", 0.5)
    wheel.add(b"past", -1.0)
    wheel.add(b"far", 100.0)
    seen = {key: step * 0.005 for step in range(12000) for key in wheel.due(step * 0.005)}
    assert 0.5 <= seen[b"soon"] <= 0.51
    assert seen[b"past"] <= 0.01
    assert 40.0 <= seen[b"far"] <= 41.0  # beyond the wheel: early, to be added again


def moments(shape: object, seconds: float) -> list[float]:
    found = []
    for moment in shape.moments():  # type: ignore[attr-defined]
        if moment >= seconds:
            break
        found.append(moment)
    return found


def test_shapes_have_the_flows_that_their_rates_say() -> None:
    assert moments(constant(4.0), 1.0) == [0.0, 0.25, 0.5, 0.75]
    assert len(moments(ramp(0.0, 100.0, 10.0), 10.0)) == pytest.approx(500, abs=1)
    assert len(moments(steps([10.0, 20.0], 5.0), 20.0)) == pytest.approx(50 + 300, abs=1)
    assert len(moments(spike(10.0, 110.0, 2.0, 1.0), 5.0)) == pytest.approx(150, abs=1)
    assert moments(replay([12.5, 10.0, 11.0], speed=2.0), 9.0) == [0.0, 0.5, 1.25]


def test_shares_of_a_shape_are_the_whole_of_it() -> None:
    shape = ramp(5.0, 50.0, 4.0)
    parts = [moments(shape.share(number, 3), 6.0) for number in range(3)]
    assert sorted(chain.from_iterable(parts)) == moments(shape, 6.0)
    assert shape.rate_at(2.0) == 27.5
    assert (shape.highest_rate, replay([0.0, 0.1, 0.9, 1.5]).highest_rate) == (50.0, 3.0)


def test_processes_share_users_and_load() -> None:
    shares = plan_of(processes=2, flows=11, load=ClosedLoop(concurrency=5)).shares()
    assert [list(share.names) for share in shares] == [["one", "three"], ["two"]]
    assert [share.flows for share in shares] == [6, 5]
    assert [share.load for share in shares] == [ClosedLoop(concurrency=3), ClosedLoop(concurrency=2)]
    assert len(plan_of(processes=8).shares()) == 3  # a user belongs to one process


def test_a_public_target_must_be_named_exactly() -> None:
    target = Target(host="93.184.216.34", name="pbx.example.com")
    for named in ("", "pbx.example.org", "93.184.216.3"):
        with pytest.raises(ConfigurationError, match="no private address"):
            require_manners(plan_of(target=target), named)
    require_manners(plan_of(target=target), "pbx.example.com")
    with pytest.raises(ConfigurationError, match="more than storm ever does"):
        require_manners(plan_of(target=target, load=OpenLoop(shape=constant(1001.0))), "93.184.216.34")


@pytest.mark.parametrize(
    ("host", "is_private"),
    [
        ("127.9.9.9", True), ("10.1.2.3", True), ("172.31.0.1", True), ("192.168.0.9", True),
        ("169.254.1.1", True), ("fd00::1", True), ("::1", True), ("fe80::1%lo", True),
        ("::ffff:10.1.2.3", True), ("::ffff:8.8.8.8", False), ("0.0.0.0", False), ("0.0.0.1", False),
        ("172.32.0.1", False), ("100.64.0.1", False), ("192.0.2.1", False), ("198.18.0.1", False),
        ("198.51.100.1", False), ("203.0.113.1", False), ("240.0.0.1", False), ("255.255.255.255", False),
        ("224.0.0.1", False), ("2001::1", False), ("2001:db8::1", False), ("2002:a00:1::1", False),
        ("64:ff9b::a00:1", False), ("ff02::1", False), ("::", False),
    ],
)  # fmt: skip
def test_private_is_loopback_rfc_1918_unique_local_and_link_local(host: str, is_private: bool) -> None:
    """Nothing else, whatever a version of Python calls private."""
    assert is_private_address(host) is is_private


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"1\nnan\n", "'nan' is no moment"),
        (b"inf\n", "'inf' is no moment"),
        (b"1e308\n-1e308\n", "s apart"),
        (b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00", "is a capture.*tshark"),
        (b"\x0a\x0d\x0d\x0a\x1c\x00\x00\x00", "is a capture.*tshark"),
        (b"\xff\xfe\x00", "no list of moments"),
    ],
)
def test_a_replay_wants_moments_that_can_be_played(text: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "times"
    path.write_bytes(text)
    with pytest.raises(ConfigurationError, match=said):
        parse_shape(f"replay:{path}")


def test_a_run_of_an_instant_has_no_share_of_a_processor() -> None:
    """Its few milliseconds are all work."""
    assert "processor" not in reasons(sample_of(seconds=0.01, cpu_seconds=0.0099))
    assert "processor" in reasons(sample_of(seconds=10.0, cpu_seconds=9.9))


def test_a_run_without_an_end_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no end"):
        require_manners(plan_of(flows=None), "")


def test_users_come_from_a_template_or_a_file(tmp_path: Path) -> None:
    assert names_from_template("agent{n:04d}", 2) == ["agent0001", "agent0002"]
    path = tmp_path / "users"
    path.write_text("# ours\none,secret\n\ntwo\n")
    assert read_users(path) == (["one", "two"], [Secret("secret"), None])


@pytest.mark.parametrize(
    "template",
    [
        "agent",
        "agent{m}",
        "a gent{n}",
        "agent{n:q}",
        "{n:999999999}",
        "{n!r}",
        "{n.real}",
        "{n}{",
        "x" * 300 + "{n}",
    ],
)
def test_a_template_that_gives_no_users_is_refused(template: str) -> None:
    with pytest.raises(ConfigurationError):
        names_from_template(template, 2)


@pytest.mark.parametrize("text", ["", "one,x\none,y\n", "a@b,c\n"])
def test_a_file_without_usable_users_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "users"
    path.write_text(text)
    with pytest.raises(ConfigurationError):
        read_users(path)


def test_a_template_fills_its_words_and_counts_its_body() -> None:
    text = (
        "X sip:[remote_ip]:[remote_port]\nBranch: [branch]\nLen: [len]\n[authentication]\nE: [cseq]\n\n"
        "v=[local_ip]"
    )
    message = Template(text, PLACE).render((b"00000001", b"a", b"7", b"bob", b"Auth: y\r\n", b""))
    assert message == (
        b"X sip:[::1]:5070\r\nBranch: z9hG4bKabc12300000001a\r\nLen: 9\r\nAuth: y\r\nE: 7\r\n\r\nv=[::1]\r\n"
    )


@pytest.mark.parametrize("text", ["A [nonsense]", "A [cseq+1]", "A: [len]\n\n[field0]"])
def test_a_template_says_what_it_cannot_do(text: str) -> None:
    with pytest.raises(ConfigurationError):
        Template(text, PLACE)


def test_the_kernels_table_tells_drops_by_port() -> None:
    text = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode ref"
        " pointer drops\n"
        "  177: 0100007F:13EB 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 19 2 0000 17\n"
    )
    assert list(read_table(text.splitlines())) == [(5099, 17)]


def closed_loop(server_seconds: float, own_seconds: float) -> tuple[Sample, Plan]:
    """Flows of one request that take so long at the server, after so long with us."""
    sample = Sample(second=0, seconds=1.0, ended=1000, ok=1000, cpu_seconds=0.2)
    sample.latency.record_all([server_seconds] * 1000)
    sample.lag.record_all([own_seconds] * 1000)
    sample.response.record_all([server_seconds + own_seconds] * 1000)
    return sample, plan_of(load=ClosedLoop(concurrency=500))


@pytest.mark.parametrize(
    ("server_seconds", "own_seconds", "is_valid"),
    [
        (0.100, 0.008, True),  # a tick of a tenth of the server's time, as the engine takes it
        (0.100, 0.024, True),
        (0.100, 0.026, False),  # a busy server would need 126 ms for all 500
        (0.002, 0.004, True),  # two thirds of the time, and nobody minds 4 ms
        (0.002, 0.080, False),  # stopped again and again
    ],
)
def test_a_closed_loop_is_invalid_when_its_own_delay_would_flatter_the_server(
    server_seconds: float, own_seconds: float, is_valid: bool
) -> None:
    sample, plan = closed_loop(server_seconds, own_seconds)
    assert (reasons(sample, plan=plan) == "") is is_valid
    result = Result(samples=[sample], whole=total([sample]), sending_seconds=1.0)
    share = server_seconds / (server_seconds + own_seconds)
    assert flows_at_server(result, plan) == pytest.approx(500 * share)


def test_packed_durations_tell_the_same_and_can_be_added_to() -> None:
    packed, plain = Histogram(), Histogram()
    for one in (packed, plain):
        one.record_all([n / 1000 for n in range(1, 501)])
    packed.pack()
    assert packed.buckets() == plain.buckets()
    assert packed.quantile(0.95) == plain.quantile(0.95)
    assert merged([packed, packed]).count == 1000
    packed.record_all([2.0])
    plain.record_all([2.0])
    assert packed.buckets() == plain.buckets()


def test_a_wall_clock_that_is_set_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, real = RunClock(), time.time
    before = clock.wall_zero
    clock.follow()
    assert clock.wall_zero == pytest.approx(before, abs=0.01)
    for step in (3600.0, -7200.0):
        monkeypatch.setattr(time, "time", lambda step=step: real() + step)
        clock.follow()
        assert clock.wall_zero - before == pytest.approx(step, abs=0.01)


def sample_of(**values: object) -> Sample:
    sample = Sample(second=0, seconds=1.0, ended=200, ok=200, cpu_seconds=0.2)
    for name, value in values.items():
        setattr(sample, name, value)
    sample.response.record_all([0.01] * 200)
    sample.lag.record_all([0.0001] * 200)
    return sample


def reasons(sample: Sample, *, plan: Plan | None = None, **values: object) -> str:
    result = Result(samples=[sample], whole=total([sample]), sending_seconds=1.0, **values)  # type: ignore[arg-type]
    return " / ".join(invalid_reasons(result, plan or plan_of()))


def test_a_clean_run_is_valid() -> None:
    assert reasons(sample_of()) == ""
    assert reasons(sample_of(), plan=plan_of(load=OpenLoop(shape=constant(200.0)))) == ""


def test_every_way_in_which_a_run_deceives_has_its_reason() -> None:
    assert "used up its processor" in reasons(sample_of(cpu_seconds=0.97))
    assert "dropped 3 answers" in reasons(sample_of(our_drops=3))
    assert "nothing listened" in reasons(sample_of(refused_datagrams=1))
    assert "only 99 flows" in reasons(sample_of(ended=99))
    assert "stopped early: silence" in reasons(sample_of(), stopped="silence")
    assert "no binding for 2 of 5" in reasons(sample_of(), bindings=BindingCheck(asked=5, bound=3))
    late = sample_of()
    late.lag.record_all([0.05] * 100)
    assert "did not keep 10 flows under way" in reasons(late)
    assert "of its send lag is 49.8 ms (bound 20 ms)" in reasons(
        late, plan=plan_of(load=OpenLoop(shape=constant(200.0)))
    )
