"""What can go wrong, as the domain names it; adapters translate SDK errors into these, once.

FaqChatError
├── InvalidRequest     the caller's fault: empty or too long message, malformed session id
├── NotFound           a session or FAQ entry that does not exist (any more)
├── Conflict           another turn was written first; read again and retry
├── Unavailable        a provider or store cannot be reached, timed out or broke off
│   ├── Busy           it asked us to slow down
│   └── IndexMismatch  the collection was built by another embedding model and is not searched
└── BadSource          the FAQ file cannot be read or is not what it should be
"""


class FaqChatError(Exception):
    """Root of every error that the domain raises on purpose."""


class InvalidRequest(FaqChatError):
    """The message or an id in the request cannot be used; `detail` is Korean, for the end user."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotFound(FaqChatError):
    """A session or FAQ entry does not exist, or has expired."""


class Conflict(FaqChatError):
    """A conditional write lost its race."""


class Unavailable(FaqChatError):
    """A provider or store cannot be reached, timed out, or broke off."""


class Busy(Unavailable):
    """A provider answered 429 or its equivalent."""


class IndexMismatch(Unavailable):
    """The vector collection belongs to another embedding model; run ingest to build one for this model."""


class BadSource(FaqChatError):
    """The FAQ file cannot be read, or its content is not a FAQ."""
