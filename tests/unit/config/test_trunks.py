"""Several trunks in one configuration: who serves whom, and what cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from shiftline.bootstrap import trunk_serving
from shiftline.config import Serves, Settings, check_secrets, load_settings
from shiftline.errors import ConfigurationError

REST = """
[wfm]
api_url = "https://api.example"
login_url = "https://login.example"
client_id = "client"
business_unit = "unit"
"""
Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Write trunks (name, serves, more lines) and load the configuration."""

    def write(*trunks: tuple[str, list[str], str], header: str = "[[trunk]]") -> Settings:
        text = "".join(
            f'{header}\nname = "{name}"\naddress = "sip:192.0.2.1"\nserves = {json.dumps(serves)}\n{more}\n'
            for name, serves, more in trunks
        )
        path = tmp_path / "shiftline.toml"
        path.write_text(text + REST, encoding="utf-8")
        return load_settings(path)

    return write


def test_one_trunk_serves_all(load: Load) -> None:
    """Written as a table, or as a list of one."""
    for header in ("[trunk]", "[[trunk]]"):
        settings = load(("pbx", [], ""), header=header)
        assert [trunk.name for trunk in settings.trunks] == ["pbx"]
        assert trunk_serving(settings)("sip:anyone@anywhere.example") == "pbx"


def test_an_agent_is_checked_where_his_address_is_served(load: Load) -> None:
    """By host, by the beginning of the user, by the user; the rest by the trunk that names nobody."""
    settings = load(
        ("a", ["a.example", "[2001:DB8::1]"], ""),
        ("b", ["7*@shared.example", "boss@shared.example"], ""),
        ("c", ["8*@shared.example"], ""),
        ("rest", [], ""),
    )
    trunk_of = trunk_serving(settings)
    assert {
        address: trunk_of(address)
        for address in (
            "sip:1@A.Example.",
            "sips:1@a.example:5061;transport=tls",
            "sip:1@[2001:db8::1]:5070",
            "sip:71@shared.example",
            "sip:81@shared.example",
            "sip:91@shared.example",
            "sip:boss@shared.example",
            "sip:bossy@shared.example",
            "sip:1@b.a.example",
            "tel:+13125550100",
        )
    } == {
        "sip:1@A.Example.": "a",
        "sips:1@a.example:5061;transport=tls": "a",
        "sip:1@[2001:db8::1]:5070": "a",
        "sip:71@shared.example": "b",
        "sip:81@shared.example": "c",
        "sip:91@shared.example": "rest",
        "sip:boss@shared.example": "b",
        "sip:bossy@shared.example": "rest",
        "sip:1@b.a.example": "rest",
        "tel:+13125550100": "rest",
    }


def test_an_agent_may_be_served_by_nobody(load: Load) -> None:
    """Where every trunk names its own."""
    assert trunk_serving(load(("a", ["a.example"], "")))("sip:1@b.example") is None


@pytest.mark.parametrize(
    ("trunks", "words"),
    [
        ([("a", [], ""), ("b", [], "")], ["'a' and 'b' both have no serves"]),
        ([("a", ["x.example"], ""), ("a", [], "")], ["two trunks are called 'a'"]),
        ([("a", ["x.example"], ""), ("b", ["y.example", "X.example"], "")], ["'x.example'", "overlap"]),
        ([("a", ["x.example"], ""), ("b", ["7*@x.example"], "")], ["'7*@x.example'", "overlap"]),
        ([("a", ["7*@x.example"], ""), ("b", ["71*@x.example"], "")], ["overlap"]),
        ([("a", ["*@x.example"], ""), ("b", ["boss@x.example"], "")], ["overlap"]),
        ([("a", ["sip:x.example"], ""), ("b", [], "")], ["trunk.serves", "no HOST, PREFIX*@HOST"]),
        ([("a", ["@x.example"], ""), ("b", [], "")], ["no HOST"]),
        ([("a", [], ""), ("b", ["x.example"], "max_rates = 1")], ["trunk.1.max_rates", "'max_rate'"]),
    ],
)
def test_trunks_that_cannot_stand_together(
    load: Load, trunks: list[tuple[str, list[str], str]], words: list[str]
) -> None:
    """The fault names both."""
    with pytest.raises(ConfigurationError) as fault:
        load(*trunks)
    assert [word for word in words if word not in str(fault.value)] == []


def test_entries_of_one_trunk_may_overlap(load: Load) -> None:
    """Whichever of them means an agent, it is the same trunk."""
    settings = load(("a", ["x.example", "7*@x.example"], ""))
    assert trunk_serving(settings)("sip:7@x.example") == "a"


def test_overlap_is_mutual() -> None:
    """It does not matter which trunk is named first."""
    texts = ["x.example", "7*@x.example", "71*@x.example", "71@x.example", "y.example", "8@x.example"]
    entries = [Serves.parse(text) for text in texts]
    for one in entries:
        assert one.overlaps(one)
        assert [one.overlaps(other) for other in entries] == [other.overlaps(one) for other in entries]
    assert [entries[2].overlaps(other) for other in entries] == [True, True, True, True, False, False]


def test_a_variable_is_for_the_only_trunk(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are several, it does not say for which; all can be given at once."""
    monkeypatch.setenv("SHIFTLINE_TRUNK__MAX_RATE", "20")
    monkeypatch.setenv("SHIFTLINE_TRUNK__SERVES", '["z.example", "9*@x.example"]')
    for header in ("[trunk]", "[[trunk]]"):
        (trunk,) = load(("a", ["x.example"], ""), header=header).trunks
        assert (trunk.max_rate, trunk.serves) == (20.0, ("z.example", "9*@x.example"))
    monkeypatch.delenv("SHIFTLINE_TRUNK__SERVES")
    with pytest.raises(ConfigurationError, match="SHIFTLINE_TRUNK__MAX_RATE does not say which of the 2"):
        load(("a", ["x.example"], ""), ("b", [], ""))
    monkeypatch.delenv("SHIFTLINE_TRUNK__MAX_RATE")
    monkeypatch.setenv("SHIFTLINE_TRUNK", '[{"name": "only", "address": "sip:192.0.2.9"}]')
    assert [trunk.name for trunk in load(("a", ["x.example"], ""), ("b", [], "")).trunks] == ["only"]


def test_a_wrong_variable_of_the_only_trunk_is_named(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the environment writes it, without a number."""
    monkeypatch.setenv("SHIFTLINE_TRUNK__MAX_RATE", "fast")
    with pytest.raises(ConfigurationError, match=r"variable SHIFTLINE_TRUNK__MAX_RATE, trunk\.max_rate"):
        load(("a", [], ""))


def test_each_trunk_has_a_secret_of_its_own_or_shares_one_by_name(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two variables with one secret are a mistake, one variable named twice is a choice."""
    for name, value in (("ONE", "alpha"), ("OTHER", "alpha"), ("SHIFTLINE_WFM_SECRET", "beta")):
        monkeypatch.setenv(name, value)
    mine, others = ('username = "u"\npassword_env = "ONE"', 'username = "v"\npassword_env = "OTHER"')
    check_secrets(load(("a", ["x.example"], mine), ("b", [], mine)))
    with pytest.raises(ConfigurationError) as fault:
        check_secrets(load(("a", ["x.example"], mine), ("b", [], others)))
    assert "trunk 'a': password_env and trunk 'b': password_env hold the same secret" in str(fault.value)
    assert "alpha" not in str(fault.value)
    monkeypatch.delenv("OTHER")
    with pytest.raises(ConfigurationError, match="The environment variable OTHER is not set"):
        check_secrets(load(("a", ["x.example"], mine), ("b", [], others)))
