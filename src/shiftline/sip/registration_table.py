"""The states of a registration as a table: what is not in it does not happen.

```
UNREGISTERED --> REGISTERING --> REGISTERED <--> REFRESHING     any --stop--> UNREGISTERING --> UNREGISTERED
                   |   ^            (both)--failed--+
                   v   +--- BACKING_OFF <-----------+           refused --> REFUSED, until `start` is called
```
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, StrEnum, auto


class RegistrationState(StrEnum):
    """Where a registration stands."""

    UNREGISTERED = "unregistered"
    REGISTERING = "registering"
    REGISTERED = "registered"
    REFRESHING = "refreshing"
    BACKING_OFF = "backing-off"
    REFUSED = "refused"
    """The registrar said no; it is not asked again by itself."""
    UNREGISTERING = "unregistering"


class Input(Enum):
    """What can happen to a registration."""

    START = auto()
    SEND = auto()
    ACCEPTED = auto()
    FAILED = auto()
    REFUSED = auto()
    STOP = auto()


_S = RegistrationState
STEPS: Mapping[tuple[RegistrationState, Input], RegistrationState] = {
    (_S.UNREGISTERED, Input.START): _S.UNREGISTERED,
    (_S.REFUSED, Input.START): _S.UNREGISTERED,
    (_S.BACKING_OFF, Input.START): _S.BACKING_OFF,
    (_S.REGISTERED, Input.START): _S.REGISTERED,
    (_S.UNREGISTERED, Input.SEND): _S.REGISTERING,
    (_S.BACKING_OFF, Input.SEND): _S.REGISTERING,
    (_S.REGISTERED, Input.SEND): _S.REFRESHING,
    # After a challenge or a 423 the same purpose is sent again.
    (_S.REGISTERING, Input.SEND): _S.REGISTERING,
    (_S.REFRESHING, Input.SEND): _S.REFRESHING,
    (_S.UNREGISTERING, Input.SEND): _S.UNREGISTERING,
    (_S.REGISTERING, Input.ACCEPTED): _S.REGISTERED,
    (_S.REFRESHING, Input.ACCEPTED): _S.REGISTERED,
    (_S.UNREGISTERING, Input.ACCEPTED): _S.UNREGISTERED,
    (_S.REGISTERING, Input.FAILED): _S.BACKING_OFF,
    (_S.REFRESHING, Input.FAILED): _S.BACKING_OFF,
    (_S.UNREGISTERING, Input.FAILED): _S.UNREGISTERED,
    (_S.REGISTERING, Input.REFUSED): _S.REFUSED,
    (_S.REFRESHING, Input.REFUSED): _S.REFUSED,
    (_S.UNREGISTERING, Input.REFUSED): _S.UNREGISTERED,
} | {(state, Input.STOP): _S.UNREGISTERING for state in _S}
