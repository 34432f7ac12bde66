"""The tree of errors: what each one means to a caller and to a shell."""

from __future__ import annotations

import inspect

import pytest

from lakehouse import errors

CODES = {
    "DataQualityError": 1,
    "UsageError": 2,
    "BadInputError": 65,
    "UpstreamError": 69,
    "StorageError": 74,
    "BusyError": 75,
    "ConflictError": 75,
    "CredentialsError": 77,
    "ConfigurationError": 78,
    "ContractError": 78,
}
TREE = {
    name: kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.LakeError)
}


@pytest.mark.parametrize("name", list(CODES))
def test_exit_codes(name: str) -> None:
    """Each error has the exit code that scripts rely on."""
    assert TREE[name].exit_code == CODES[name]


def test_every_error_is_terminal_or_transient() -> None:
    """Whoever retries asks one question; an error that answers both or neither helps nobody."""
    for name, kind in TREE.items():
        if kind not in (errors.LakeError, errors.Terminal, errors.Transient):
            assert issubclass(kind, errors.Terminal) != issubclass(kind, errors.Transient), name
            assert name in CODES


def test_the_drawing_names_every_error() -> None:
    """The tree at the top of the file is the tree below it."""
    assert errors.__doc__ is not None
    drawn = {word for word in errors.__doc__.split() if word in TREE or word.endswith("Error")}
    assert drawn >= set(CODES) - {"ConflictError"}


def test_an_error_says_what_to_type() -> None:
    """The next command is part of the sentence, and not there when there is none."""
    told = errors.UsageError("no such table", next_command="lake tables plan")
    assert str(told) == "no such table → lake tables plan"
    assert str(errors.UsageError("no such table")) == "no such table"
    assert (told.message, told.next_command) == ("no such table", "lake tables plan")
