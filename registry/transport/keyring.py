"""Accounts when they are needed: from the settings, or from Docker's credential helpers, which are programs.

The protocol is docker-credential-helpers' ``get``: the server on standard input, JSON on standard output.
"""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from registry.errors import ConfigurationError
from registry.transport.caching import FreshCache
from registry.transport.credentials import account_of_helper, registry_of

if TYPE_CHECKING:
    from registry.transport.clock import Clock
    from registry.transport.credentials import Account, Credentials, Helper

# Seconds a helper may take: unlocking a key store may need a person.
_TIMEOUT_S = 60.0

# Bytes a helper may print. A token of a cloud is a few KiB.
_MAX_ANSWER_BYTES = 1 << 20

# What a helper prints when it has no account (docker-credential-helpers, credentials/error.go).
_NOT_FOUND = b"credentials not found in native keychain"

# Seconds an answer is used. What clouds give out lives for an hour or more, and is renewed by the helper.
_KEPT_S = 300.0

# Seconds before a refused account is asked for again: a wrong password must not start a program per image.
_REST_S = 60.0

# Registries whose answers are kept.
_MAX_ANSWERS = 1024


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a helper said."""

    account: Account | None
    asked_at: float

    @property
    def good_until(self) -> float:
        return self.asked_at + _KEPT_S


class Keyring:
    """The accounts of a run."""

    def __init__(self, credentials: Credentials, clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock
        self._answers = FreshCache[str, _Answer](clock, _MAX_ANSWERS)

    def __repr__(self) -> str:
        return f"<Keyring {self._credentials!r}>"

    async def account(self, host: str) -> Account | None:
        """The account for ``host[:port]``, ``None`` to be nobody.

        A helper that knows none leaves it to the settings.

        Raises:
            ConfigurationError: A helper that is to be asked does not work.
        """
        helper = self._credentials.helper(host)
        if helper is not None:
            answer = await self._answers.get(registry_of(host), lambda _: self._ask(helper))
            if answer.account is not None:
                return answer.account
        return self._credentials.account(host)

    async def instead_of(self, host: str, refused: Account) -> Account | None:
        """Another account for ``host[:port]`` than the ``refused`` one: what a helper gives out may age.

        Raises:
            ConfigurationError: See :meth:`account`.
        """
        registry = registry_of(host)
        answer = self._answers.kept(registry)
        if answer is not None and self._clock.monotonic() - answer.asked_at >= _REST_S:
            self._answers.refused(registry, answer)
        account = await self.account(host)
        return None if account == refused else account

    async def _ask(self, helper: Helper) -> _Answer:
        asked_at = self._clock.monotonic()
        return _Answer(await ask_helper(helper), asked_at)


async def ask_helper(helper: Helper) -> Account | None:
    """The account that a helper has, ``None`` for none.

    Raises:
        ConfigurationError: There is no such program, or it failed.
    """
    problem = partial(_problem, helper)
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            status, answer = await _run(helper.program, helper.server.encode())
        if answer.strip() == _NOT_FOUND:
            return None
        if status != 0:
            raise problem(f"failed with exit status {status}")
        return account_of_helper(answer)
    except TimeoutError:
        raise problem(f"gave no answer within {_TIMEOUT_S:.0f} s") from None
    except OSError as error:
        raise problem(f"cannot be started ({error.strerror})") from None
    except ValueError:
        raise problem("printed no credentials") from None


async def _run(program: str, text: bytes) -> tuple[int | None, bytes]:
    """Exit status and output of ``program get`` when told ``text``; ``ValueError`` for too much output."""
    loop = asyncio.get_running_loop()
    transport, conversation = await loop.subprocess_exec(
        _Conversation, program, "get", stdin=PIPE, stdout=PIPE, stderr=DEVNULL
    )
    try:
        question = cast("asyncio.WriteTransport", transport.get_pipe_transport(0))
        if not question.is_closing():  # a program that asks nothing may have answered already
            question.write(text)
            question.close()
        await conversation.heard
        return transport.get_returncode(), bytes(conversation.answer)
    finally:
        transport.close()  # ends the program, too
        await conversation.over.wait()


class _Conversation(asyncio.SubprocessProtocol):
    """What a program prints until it ends."""

    def __init__(self) -> None:
        self.answer = bytearray()
        self.heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.over = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002 - its only pipe
        self.answer += data
        if len(self.answer) > _MAX_ANSWER_BYTES and not self.heard.done():
            self.heard.set_exception(ValueError("too much"))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - there is none for programs
        self.over.set()
        if not self.heard.done():
            self.heard.set_result(None)


def _problem(helper: Helper, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{helper.program}, which Docker's config.json names for {helper.server}, {what}: "
        "repair it, or take it out of the file that source.docker_config names"
    )
