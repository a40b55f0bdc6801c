"""Who writes (in a module of its own: the daemon needs it before it needs any mail)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sender:
    """``host``: the server's name, as people know it; ``domain``: that of its mail."""

    host: str
    domain: str
