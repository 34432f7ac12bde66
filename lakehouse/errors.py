"""The errors of the lake, and the exit code each one means.

LakeError                    1   what went wrong, where, and the next command
├── Terminal                     trying again changes nothing
│   ├── DataQualityError     1   a table check failed; nothing was published
│   ├── UsageError           2   the call's words are off
│   ├── BadInputError       65   a file or reply cannot be read as what it claims to be
│   ├── CredentialsError    77   credentials are missing or refused, or a quota is used up
│   ├── ConfigurationError  78   a setting, a tool or a table differs from what is declared
│   └── ContractError       78   a contract contradicts itself
└── Transient                    the same call may succeed later
    ├── UpstreamError       69   a source is unavailable
    ├── StorageError        74   the disk or the store failed
    └── BusyError           75   somebody else holds the lease, or commits kept colliding
"""

from __future__ import annotations


class LakeError(Exception):
    """What went wrong and where; `next_command` is what to type now."""

    exit_code = 1

    def __init__(self, message: str, *, next_command: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_command = next_command

    def __str__(self) -> str:
        return f"{self.message} → {self.next_command}" if self.next_command else self.message


class Terminal(LakeError):  # noqa: N818  a mark, not an error of its own
    """Trying again changes nothing."""


class Transient(LakeError):  # noqa: N818  likewise
    """The same call may succeed later."""


class DataQualityError(Terminal):
    """A check over a table failed; nothing was published."""

    exit_code = 1


class UsageError(Terminal):
    """The call's words are off."""

    exit_code = 2


class BadInputError(Terminal):
    """A file or reply cannot be read as what it claims to be."""

    exit_code = 65


class CredentialsError(Terminal):
    """Credentials are missing or refused, or a quota is used up."""

    exit_code = 77


class ConfigurationError(Terminal):
    """A setting, a tool or a table differs from what is declared."""

    exit_code = 78


class ContractError(ConfigurationError):
    """A contract contradicts itself."""


class UpstreamError(Transient):
    """A source is unavailable."""

    exit_code = 69


class StorageError(Transient):
    """The disk or the object store failed."""

    exit_code = 74


class BusyError(Transient):
    """Somebody else holds the lease."""

    exit_code = 75


class ConflictError(BusyError):
    """Another commit came between reading and writing; the step must be run again."""
