"""What must outlive a run: the requests it made, and what servers told it of quotas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry.transport.allowance import Block
    from registry.transport.quota import Quota


class Memory(Protocol):
    """Where that is kept. A method has done its work, durably, when it returns."""

    async def requests(self) -> Sequence[Block]:
        """The requests made so far."""
        ...

    async def record_requests(self, blocks: Sequence[Block], gone: Sequence[int]) -> None:
        """Keep ``blocks``, in the place of those with the same ids; forget the ids in ``gone``."""
        ...

    async def quota(self, host: str, username: str) -> Quota | None:
        """What was last told by ``host[:port]`` to an account; ``""`` is anonymous."""
        ...

    async def record_quota(self, host: str, username: str, quota: Quota) -> None:
        """Keep it."""
        ...


class NoMemory:
    """Every run is the first one."""

    async def requests(self) -> Sequence[Block]:
        """None."""
        return ()

    async def record_requests(self, blocks: Sequence[Block], gone: Sequence[int]) -> None:
        """Keep nothing."""

    async def quota(self, host: str, username: str) -> Quota | None:  # noqa: ARG002 - the protocol's
        """None."""
        return None

    async def record_quota(self, host: str, username: str, quota: Quota) -> None:
        """Keep nothing."""
