"""An outage is told in words: no reader knows the classes of an HTTP library."""

from __future__ import annotations

import socket

import httpx
import pytest

from shiftline.wfm.outages import outage_in_words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ConnectTimeout(""), "no connection came about in time"),
        (httpx.ReadTimeout(""), "no answer came in time"),
        (httpx.RemoteProtocolError(""), "it hung up in the middle, or does not speak HTTP"),
        (httpx.ReadError(""), "the connection broke off"),
        (httpx.DecodingError(""), "the exchange failed"),
    ],
)
def test_each_kind_has_its_words(error: httpx.HTTPError, words: str) -> None:
    """What happened, not what it is called."""
    assert outage_in_words(error) == words


async def test_the_systems_own_word_is_added() -> None:
    """A port that nobody serves refuses, and that says more than that there was no connection."""
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        async with httpx.AsyncClient(trust_env=False) as http:
            with pytest.raises(httpx.ConnectError) as raised:
                await http.get(url)
    assert outage_in_words(raised.value) == "no connection can be made (Connection refused)"
