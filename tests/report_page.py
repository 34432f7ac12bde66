"""The report as its tests read it: parsed strictly, and as plain text."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

from tests.report_lake import report

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

VOID = {"meta", "link", "br"}
GAP = "\u202f"


class Reader(HTMLParser):
    """Reads a page and refuses tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag, and that it waits for its end."""
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag, which has no inside."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Only the innermost open tag may end."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note the text and the tag right around it."""
        if data.strip():
            self.words.append((self.open[-1], data.strip()))

    def under(self, *tags: str) -> list[str]:
        """The texts right under one of these tags."""
        return [words for tag, words in self.words if tag in tags]


def page(con: duckdb.DuckDBPyConnection, folder: Path) -> str:
    """The report on `con` as text, with plain spaces."""
    return report(con, folder).read_text(encoding="utf-8").replace(GAP, " ")
