"""How many cores this process may use: those it may run on, and the share its container pays for."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def usable_cores() -> int:
    """The number of cores, 1 or more. Two hardware threads of one core count as two."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        cores = os.cpu_count() or 1
    return max(1, int(min(cores, quota(_GROUPS, _MEMBERSHIP))))


def quota(groups: Path, membership: Path) -> float:
    """The cores that Linux's control groups leave this process, rounded up; infinity without a limit.

    groups: where the groups are mounted.  membership: the file that says which group the process is
    in. A limit may stand at that group and at each one above it, and the smallest counts. A
    container may see its own group as the root, under a path it does not have: folders that are not
    there set no limit.
    """
    return min((_limit(folder) for folder in _folders(groups, membership)), default=math.inf)


def _folders(groups: Path, membership: Path) -> Iterator[Path]:
    """The folders of all groups the process is in, as far as they concern processors."""
    yield groups  # version 2
    yield groups / "cpu"  # version 1
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    for line in lines:  # "0::/path" (version 2) or "4:cpu,cpuacct:/path" (version 1)
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        folder = groups / "cpu" if controllers else groups
        for name in Path(path.lstrip("/")).parts:
            folder = folder / name
            yield folder


def _limit(folder: Path) -> float:
    """One group's limit. Version 2 writes "quota period" into one file, version 1 into two."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu.cfs_period_us").read_text().strip()
        return math.inf if quota in ("max", "-1") else max(1, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf
