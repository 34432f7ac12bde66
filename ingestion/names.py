"""A file's own name as one harmless part of a path."""

from __future__ import annotations

_LONGEST_BYTES = 150
_SUFFIX_BYTES = 20
_OURS = "reason.json"


def safe_name(name: str) -> str:
    """`name` without folders, unprintable characters, leading dots, and more than 150 bytes.

    Never empty, hidden, or the name of quarantine's own file; the same when applied again.
    """
    # Not printable: controls, characters that turn text around, halves of surrogate pairs.
    last = name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    shown = "".join(c if c.isprintable() else "_" for c in last)
    short = _shortened(shown.strip(" ").lstrip(". ")).strip(" ")
    if not short:
        return "file"
    return f"_{short}" if short.lower() == _OURS else short


def _shortened(name: str) -> str:
    if len(name.encode()) <= _LONGEST_BYTES:
        return name
    stem, dot, suffix = name.rpartition(".")
    ending = dot + suffix
    if not stem or len(ending.encode()) > _SUFFIX_BYTES:
        stem, ending = name, ""
    room = _LONGEST_BYTES - len(ending.encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(" ") + ending
