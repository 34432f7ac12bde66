"""How a table is kept: the size of its files, how long its past stays, how fresh it is promised."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from lakehouse.errors import ContractError

MB = 1024 * 1024
DAY_MS = 86_400_000
# VACUUM knows neither holds nor cursors, and takes files it finds no snapshot for: by these two
# it finds nothing old enough. Ten years in seconds still fit the 32 bits an engine may read.
_NEVER_SEC = 10 * 365 * 86_400
_ALL_SNAPSHOTS = 1_000_000


@dataclass(frozen=True)
class Upkeep:
    """What maintenance owes a table.

    Snapshots of main stay for `keep_days`, and at least `keep_snapshots` of them. A tag stays as
    long as it was made for; one that fits a pattern of `holds` stays for good. `hold`, if not
    empty, says why nothing of the table's past may go. `fresh_hours`: its newest row (by its
    partitions' time, else by `latest_by`) is at most so old; 0 promises nothing.
    """

    target_file_mb: int = 128
    keep_days: int = 30
    keep_snapshots: int = 20
    holds: tuple[str, ...] = ("audit*", "evidence*", "hold*")
    hold: str = ""
    fresh_hours: int = 0

    def __post_init__(self) -> None:
        """Refuse a retention that would leave a reader nothing to go on from."""
        if self.target_file_mb < 1:
            raise ContractError(f"target_file_mb is {self.target_file_mb}, less than 1")
        if self.keep_days < 1 or self.keep_snapshots < 1:
            raise ContractError("at least one day and one snapshot stay")
        if self.fresh_hours < 0:
            raise ContractError(f"fresh_hours is {self.fresh_hours}, less than 0")

    def holds_tag(self, name: str) -> bool:
        """Whether a tag of that name stays, whatever retention it was given."""
        return any(fnmatchcase(name, pattern) for pattern in self.holds)

    @property
    def target_bytes(self) -> int:
        """The size a file should have."""
        return self.target_file_mb * MB

    @property
    def properties(self) -> dict[str, str]:
        """As table properties: what engines that maintain on their own would go by."""
        return {
            "write.target-file-size-bytes": str(self.target_bytes),
            "history.expire.max-snapshot-age-ms": str(self.keep_days * DAY_MS),
            "history.expire.min-snapshots-to-keep": str(self.keep_snapshots),
            "vacuum_max_snapshot_age_seconds": str(_NEVER_SEC),
            "vacuum_min_snapshots_to_keep": str(_ALL_SNAPSHOTS),
            "vacuum_max_metadata_files_to_keep": "1000",
        }
