"""Whatever a platform shows, the reading is one of the table's, and never more than was shown."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from shiftline.trades.model import PLATFORM, EvidenceKind
from shiftline.wfm.adherence import LONGEST_WORDS, Adherences, evidence_of
from shiftline.wfm.presence import SIGNED_IN, Shown, read_presence

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
STATES = st.sampled_from(
    ["OnQueue", "Available", "Busy", "Offline", "IDLE", "OFF_QUEUE", "INTERACTING", "NOT_RESPONDING", ""]
)
WORDS = STATES | st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
ENTRIES = st.fixed_dictionaries(
    {"user": st.fixed_dictionaries({"id": st.sampled_from(["ada", "ben", "eve"])}) | JSON},
    optional={
        "systemPresence": WORDS | JSON,
        "routingStatus": WORDS | JSON,
        "isOutOfOffice": JSON,
        "presenceUpdateTime": st.datetimes(timezones=st.just(UTC)).map(str) | JSON,
        "removedFromManagementUnit": JSON,
    },
)


@given(WORDS, WORDS, st.booleans(), st.none() | st.datetimes(timezones=st.just(UTC)))
def test_only_somebody_signed_in_can_be_reached(
    presence: str, routing: str, out_of_office: bool, since: datetime | None
) -> None:
    """Available and Busy need a presence of somebody logged in; a cause comes with Unverifiable only."""
    shown = Shown(presence=presence, routing=routing, out_of_office=out_of_office, since=since)
    reading = read_presence(shown, NOON)
    if reading.kind in (EvidenceKind.AVAILABLE, EvidenceKind.BUSY):
        assert "".join(filter(str.isalnum, presence.casefold())) in SIGNED_IN
        assert not out_of_office
    assert (reading.cause is not None) == (reading.kind is EvidenceKind.UNVERIFIABLE)
    assert reading.kind is not EvidenceKind.UNKNOWN_USER


@given(st.lists(ENTRIES | JSON, max_size=5))
def test_any_list_gives_one_evidence_for_each_agent(answer: list[object]) -> None:
    """Nonsense in it costs at most the agent whom it is about."""
    shown = Adherences.model_validate(answer).root
    found = evidence_of(["ada", "ben"], shown, NOON)
    assert [(one.agent, one.method, one.taken_at) for one in found] == [
        ("ada", PLATFORM, NOON),
        ("ben", PLATFORM, NOON),
    ]
    assert all(
        one.said is None or (one.said.isprintable() and len(one.said) <= LONGEST_WORDS) for one in found
    )
