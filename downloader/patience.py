"""How often a blob is tried: bounded, and what brings it further is free."""

from __future__ import annotations

from registry.errors import Reason, RegistryError

# Wrong bytes may be a broken cache on the way; twice the same is what the registry holds.
WRONG_BYTES = frozenset({Reason.DIGEST_MISMATCH, Reason.SIZE_MISMATCH})
_TRIES_OF_WRONG_BYTES = 2

# Bytes that a resumed try must bring to be free of charge. Anything less, and a server that
# sends one byte at a time would be asked for ever; skopeo's threshold.
_WORTH_A_TRY_BYTES = 1 << 20

# Times that what came is given up for want of ranges: what it costs grows with the square of them.
_RESTARTS = 3


class Patience:
    """The tries left for one blob."""

    def __init__(self, attempts: int) -> None:
        self._tries = attempts
        self._tries_of_wrong_bytes = _TRIES_OF_WRONG_BYTES
        self._restarts = _RESTARTS
        self._broke_off_at = 0

    def note_restart(self) -> None:
        """What came is given up."""
        self._restarts -= 1

    def is_all_there_is(self, began: int, ended: int) -> bool:
        """Whether the body that broke off at ``ended`` brought nothing, where the one before broke off."""
        is_same = 0 < began == ended == self._broke_off_at
        self._broke_off_at = ended
        return is_same

    def has_another_try(self, error: RegistryError, resumed_bytes: int) -> bool:
        """Whether to try again after ``error``; ``resumed_bytes`` came since the body was resumed."""
        if error.reason in WRONG_BYTES:
            self._tries_of_wrong_bytes -= 1
            return self._tries_of_wrong_bytes > 0
        if resumed_bytes < _WORTH_A_TRY_BYTES:
            self._tries -= 1
        # A request that got no answer had its tries below; only a body that broke off is for us.
        return error.temporary and not error.attempts and self._tries > 0 and self._restarts > 0
