"""A subscription's dialog: whose NOTIFY it is, where the next SUBSCRIBE goes (RFC 6665 section 4.4.1)."""

from __future__ import annotations

from dataclasses import dataclass, field

from shiftline.errors import SipSyntaxError
from shiftline.sip.address import NameAddr
from shiftline.sip.grammar import TOKEN
from shiftline.sip.headers import Headers
from shiftline.sip.message import Request, Response
from shiftline.sip.uri import SipUri
from shiftline.sip.values import CSeq


@dataclass(slots=True, kw_only=True)
class SubscriptionDialog:
    """Tags, sequence numbers and the way to the notifier.

    The first NOTIFY makes the dialog, whichever tag the 200 had: of a forked SUBSCRIBE one branch stays,
    and the NOTIFYs of the others get 481, as for packages that install one subscription only (RFC 3856
    section 6.9, RFC 3680 section 4.9).
    """

    call_id: str
    local_tag: str
    target: SipUri
    _remote_tag: str | None = None
    _remote_number: int | None = None
    """CSeq of the last NOTIFY."""
    _local_number: int = 0
    _routes: list[str] = field(default_factory=list)
    _is_made: bool = False

    def owns(self, notify: Request) -> bool:
        """Whether Call-ID and both tags are ours; any remote tag is, before the first NOTIFY."""
        if notify.headers.get("Call-ID") != self.call_id:
            return False
        if _tag(notify, "To") != self.local_tag:
            return False
        tag = _tag(notify, "From")
        return tag is not None and (not self._is_made or tag == self._remote_tag)

    def is_older(self, number: int) -> bool:
        """Whether a NOTIFY of this CSeq was overtaken by one we have."""
        return self._remote_number is not None and number < self._remote_number

    def take_notify(self, notify: Request, number: int) -> bool:
        """Note tag, number, route and target; False for a NOTIFY that was taken before."""
        if self._remote_number == number:
            return False
        self._remote_number = number
        if not self._is_made:
            self._is_made = True
            self._remote_tag = _tag(notify, "From")
            # We are the UAS of this request: its Record-Route holds in the order written (RFC 3261
            # section 12.1.1). A notifier of RFC 3265 may have given the route in the 200 only.
            self._routes = notify.headers.get_all("Record-Route") or self._routes
        self._retarget(notify.headers)
        return True

    def take_answer(self, response: Response) -> None:
        """Note what a 2xx brings; until the first NOTIFY also its tag and route, which may be all we get."""
        if not self._is_made:
            self._remote_tag = _tag(response, "To")
            self._routes = list(reversed(response.headers.get_all("Record-Route")))
        self._retarget(response.headers)

    def catch_up(self, request: Request) -> None:
        """Go on from the CSeq of a request that left, which a challenge may have raised."""
        self._local_number = max(self._local_number, CSeq.parse(request.headers.get("CSeq") or "").number)

    def request(self, method: str, from_uri: SipUri, to_uri: SipUri, headers: Headers) -> Request:
        """The next request of ours; ``headers`` come after those of the dialog."""
        self._local_number += 1
        to_tag = f";tag={self._remote_tag}" if self._remote_tag else ""
        rows = Headers([("Route", route) for route in self._routes])
        rows.add("From", f"<{from_uri}>;tag={self.local_tag}")
        rows.add("To", f"<{to_uri}>{to_tag}")
        rows.add("Call-ID", self.call_id)
        rows.add("CSeq", f"{self._local_number:d} {method}")
        for name, value in headers:
            rows.add(name, value)
        return Request(method, self.target, rows)

    def _retarget(self, headers: Headers) -> None:
        """SUBSCRIBE and NOTIFY refresh the target (RFC 6665 section 4.4.1)."""
        contacts = headers.get_all("Contact")
        try:
            self.target = NameAddr.parse(contacts[0]).uri if contacts else self.target
        except SipSyntaxError:
            return  # the address that worked so far is the best guess


def _tag(message: Request | Response, name: str) -> str | None:
    try:
        tag = NameAddr.parse(message.headers.get(name) or "").tag
    except SipSyntaxError:
        return None
    return tag if tag and TOKEN.fullmatch(tag) else None  # anything else could not be written back
