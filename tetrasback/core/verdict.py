"""What a backup's findings come to. The one place where a verdict is made.

Strongest first: the disk is gone → interrupted; the disk did not take everything, or was not let
go of → failed; somebody or something ended it → cancelled or interrupted; otherwise the worst that
any script earned. Only a backup with no finding at all is a success.
"""

from collections.abc import Sequence
from typing import Final

from tetrasback.core.state import Backup, Code, Finding, Progress, Script, Verdict

STATUS_WARNING: Final = 3
"""Exit status of a script that is complete but for what its warnings name."""

DISK_CODES: Final = frozenset({Code.DISK_FULL, Code.DISK_ERROR, Code.UNMOUNT_FAILED})
"""Not everything is on the disk."""

SCRIPT_CODES: Final = frozenset(
    {Code.SOURCE_UNREADABLE, Code.SOURCE_SHRUNK, Code.DISK_FULL, Code.DISK_ERROR}
)
"""What a script may say of itself; the other words are the daemon's."""

_DISK_WORDS: Final = {
    Code.DISK_FULL: "the disk is full: use a larger one; the log has the figures",
    Code.DISK_ERROR: "the disk did not take what was written: have it checked or replaced",
    Code.UNMOUNT_FAILED: "the disk could not be unmounted",
}

_SEVERITY: Final = {
    Verdict.SUCCESS: 0,
    Verdict.WARNING: 1,
    Verdict.CANCELLED: 2,
    Verdict.INTERRUPTED: 3,
    Verdict.FAILED: 4,
}


def of_script(
    script: Script, status: int | None, code: str, message: str, said: Progress
) -> Finding | None:
    """What one script's end means, or None for a plain success."""
    if code:
        known = code if code in set(Code) else Code.SCRIPT_FAILED
        return Finding(Verdict.FAILED, known, message or f"{script.name}: {code}")
    if status == 0 and said.warnings == 0:
        return None
    if said.code in SCRIPT_CODES & DISK_CODES:  # whatever its status: not everything is on the disk
        return Finding(Verdict.FAILED, said.code, _DISK_WORDS[Code(said.code)])
    if status in (0, STATUS_WARNING) and said.warnings > 0:
        count = said.warnings
        return Finding(
            Verdict.WARNING,
            said.code if said.code in SCRIPT_CODES else Code.SCRIPT_WARNING,
            f"{script.name} gave {count} warning{'s' if count != 1 else ''}",
        )
    return Finding(Verdict.FAILED, Code.SCRIPT_FAILED, _ending(script, status))


def _ending(script: Script, status: int | None) -> str:
    if status is None:
        return f"{script.name} did not run to its end"
    if status < 0:
        return f"{script.name} was killed by signal {-status}"
    if status == STATUS_WARNING:
        return f"{script.name} ended with status {STATUS_WARNING} but named no warning"
    return f"{script.name} ended with status {status}"


def account(script: Script, status: int | None, said: Progress) -> str:
    """One line for the log: how a script ended, and what it says it has done."""
    snapshot = f", in {said.snapshot}" if said.snapshot else ""
    return (
        f"{_ending(script, status)}: {said.files_done} files,"
        f" {said.bytes_done} bytes written, {said.warnings} warnings{snapshot}"
    )


def judge(backup: Backup) -> Finding:
    """The verdict, why, and one line for a person."""
    if backup.gone:
        return Finding(
            Verdict.INTERRUPTED,
            Code.DISK_GONE,
            "the disk was taken away before the backup had ended: plug it in again",
        )
    for finding in backup.findings:
        if finding.verdict is Verdict.FAILED and finding.code in DISK_CODES:
            return finding
    if backup.stop and backup.stop.verdict is not Verdict.FAILED:
        return backup.stop
    return worst(backup.findings) or Finding(Verdict.SUCCESS, Code.NONE, "complete")


def worst(findings: Sequence[Finding]) -> Finding | None:
    """The first of the gravest findings."""
    return max(findings, key=lambda finding: _SEVERITY[finding.verdict], default=None)


def sum_progress(earlier: Progress, last: Progress) -> Progress:
    """What two scripts have done together; the newer one's words win where it has any."""
    return Progress(
        fraction=-1.0,
        step=last.step,
        bytes_done=earlier.bytes_done + last.bytes_done,
        bytes_total=earlier.bytes_total + last.bytes_total,
        files_done=earlier.files_done + last.files_done,
        warnings=earlier.warnings + last.warnings,
        snapshot=last.snapshot or earlier.snapshot,
        code=last.code or earlier.code,
        notes=earlier.notes + last.notes,
        warned=earlier.warned + last.warned,
        pruned=earlier.pruned + last.pruned,
    )


def overall_fraction(backup: Backup) -> float:
    """How far the whole backup is, 0 to 1, or -1: every script counts the same.

    1 only where everything has reached the disk, however far one that failed had come.
    """
    if backup.over:
        return 1.0 if backup.verdict in (Verdict.SUCCESS, Verdict.WARNING) else -1.0
    if backup.count == 0 or backup.current.fraction < 0:
        return -1.0
    ended = backup.count - len(backup.scripts)
    return min(1.0, (ended + backup.current.fraction) / backup.count)
