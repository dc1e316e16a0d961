"""What a question looked like, relative to the traffic that is in trouble.

A probe of ours and a comparison that a capture happens to contain are described in the same words, so that
one table of likelihoods serves both: "the same account from another source" is a probe, whoever sent it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class _Word(StrEnum):
    __hash__ = str.__hash__  # an Enum's own takes ten times as long


class Source(_Word):
    """Where it came from."""

    OWN = "own"
    """The address that the troubled traffic comes from."""
    OTHER = "other"


class Account(_Word):
    """Whose credentials it carried, or would carry."""

    OWN = "own"
    OTHER = "other"
    """Another account, known to be good."""
    NONEXISTENT = "nonexistent"
    NOBODY = "nobody"
    """The request names no user at all, as an OPTIONS to the server itself."""


class Credentials(_Word):
    """What it carried."""

    NONE = "none"
    """None, and it did not answer a challenge."""
    UNASKED = "unasked"
    """None, though it would have answered a challenge: none came."""
    FRESH = "fresh"
    """What was configured, as the answer to a challenge that came just before."""
    CACHED = "cached"
    """What was configured, ahead of any challenge, with the nonce of the request before and a risen nc."""
    AGED = "aged"
    """The same with a nonce of some 8 s: no server that is known forgets one before 30 s."""
    WRONG = "wrong"
    """A password that is certainly wrong."""


class Load(_Word):
    """How much was under way. The outcome under a load is the worst that any of its requests met."""

    SINGLE = "single"
    """Alone: at most one request a second or so."""
    BRISK = "brisk"
    """About 10 a second for a second or more, evenly spaced."""
    RAISED = "raised"
    """About 50 a second, evenly spaced."""
    STORM = "storm"
    """200 a second and more."""
    CONCURRENT = "concurrent"
    """Some 20 at once, then a rest: many under way at a time, few in ten seconds."""
    CROWD = "crowd"
    """Some 40 at once, where 50 a second had passed."""
    PACED = "paced"
    """A single one, while what we had asked before, one at a time, may have used up a slow limit."""
    DURING = "during"
    """A single one, while the troubled traffic is refused for its rate."""
    AFTER_PAUSE = "after-pause"
    """A single one, some windows (10 to 60 s) after the rate fell."""
    AFTER_BAN = "after-ban"
    """A single one, when a usual ban (300 s) should be over."""


class Shape(_Word):
    """How the message was built."""

    USUAL = "usual"
    """As the troubled traffic."""
    MINIMAL = "minimal"
    """Only what RFC 3261 section 8.1.1 demands."""
    OTHER_AGENT = "other-agent"
    """The User-Agent of a client that works, else as usual."""
    INVENTED_AGENT = "invented-agent"
    """Another User-Agent of which nobody knows whether it works, else as usual."""
    OTHER_CONTACT = "other-contact"
    """Another host in Contact, else as usual."""
    OTHER_DOMAIN = "other-domain"
    """Another domain in From, To and the Request-URI, which somebody has named, else as usual."""
    GUESSED_DOMAIN = "guessed-domain"
    """Another domain in the same, guessed from a realm or an address, else as usual."""
    OTHER_CALLER = "other-caller"
    """The digest username in From and To, where the usual user is another one; else as usual."""
    OTHER_EVENT = "other-event"
    """Another event package, else as usual."""
    THIRD_EVENT = "third-event"
    """A third one, else as usual: what is refused for the package is seldom all that we can ask for."""
    OTHER_DIGEST_URI = "other-digest-uri"
    """The digest computed over the server's address instead of its domain, or the other way round."""
    ONCE_REGISTERED = "once-registered"
    """As usual, after a binding of ours was made."""
    WITH_METADATA = "with-metadata"
    """The headers that production adds and this message lacked."""
    ALL_CHANGED = "all-changed"
    """At once: another User-Agent, the other name in From and To, the domain that was named, the other digest
    URI, the metadata; but for what `Probe.unchanged` names."""
    LARGE = "large"
    """Beyond 1,300 bytes, where UDP may fragment (RFC 3261 section 18.1.1)."""
    FOREIGN = "foreign"
    """As another program builds it: nobody knows which of the differences matter, if any."""
    OTHER_VIA = "other-via"
    """The public address in Via, where the usual one is private, or the other way round."""


class Path(_Word):
    """Which way it went."""

    USUAL = "usual"
    OTHER_TRANSPORT = "other-transport"
    """TCP for UDP, or the other way round."""


class Hour(_Word):
    """When it was."""

    ANY = "any"
    TROUBLED = "troubled"
    """In the hours in which the trouble is seen, such as a publish window."""
    QUIET = "quiet"
    """Outside these hours, at a like load."""


class Aim(_Word):
    """Whom it asked for."""

    SERVER = "server"
    """The server itself, or the registrar about the account."""
    PRESENT = "present"
    """A user who is known to be there."""
    ABSENT = "absent"
    """A user who is real and known not to be there."""
    INVENTED = "invented"
    """A user who certainly does not exist."""
    USER = "user"
    """A user of whom it is known what the answer is at rest: `Outcome.OK` is that answer, whatever it is."""
    OTHER_USER = "other-user"
    """Another one than that user, in the same sense."""
    ANOTHER = "another"
    """In a record in which one user is what tells the refused: any other, who is asked about as usual."""


class Method(_Word):
    """The methods that causes tell apart."""

    OPTIONS = "OPTIONS"
    REGISTER = "REGISTER"
    """Without Contact: it asks, and changes nothing (RFC 3261 section 10.2.3)."""
    REGISTER_CONTACT = "REGISTER-contact"
    """With a Contact: it binds."""
    SUBSCRIBE = "SUBSCRIBE"
    INVITE = "INVITE"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One kind of question. Two questions with equal probes are one piece of evidence, asked twice."""

    method: Method = Method.REGISTER
    source: Source = Source.OWN
    account: Account = Account.OWN
    credentials: Credentials = Credentials.NONE
    load: Load = Load.SINGLE
    shape: Shape = Shape.USUAL
    path: Path = Path.USUAL
    hour: Hour = Hour.ANY
    aim: Aim = Aim.SERVER
    unchanged: frozenset[Shape] = frozenset()
    """Of the changes of `Shape.ALL_CHANGED` those that could not be made: nothing was known to change to."""

    @property
    def changes(self) -> frozenset[Shape]:
        """What differs from the usual message: the shape, or of several changes those that were made."""
        return SEVERAL.get(self.shape, frozenset({self.shape})) - self.unchanged


CHANGED = frozenset(
    {
        Shape.OTHER_AGENT,
        Shape.INVENTED_AGENT,
        Shape.OTHER_CALLER,
        Shape.OTHER_DOMAIN,
        Shape.OTHER_DIGEST_URI,
        Shape.WITH_METADATA,
    }
)
"""The changes that are made at once in `Shape.ALL_CHANGED`."""
FOREIGN = frozenset(Shape) - {
    Shape.USUAL,
    Shape.LARGE,
    Shape.OTHER_DOMAIN,
    Shape.GUESSED_DOMAIN,
    Shape.OTHER_EVENT,
    Shape.THIRD_EVENT,
}
"""What another program may do otherwise (`Shape.FOREIGN`); its domain and size are seen."""
SEVERAL = {Shape.ALL_CHANGED: CHANGED, Shape.FOREIGN: FOREIGN}
