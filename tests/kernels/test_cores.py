"""How many cores a process may use, read from files as Linux writes them."""

from __future__ import annotations

import os
from math import inf

import pytest

from tinynet.kernels import cores


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "max 100000\n"}, inf),
        ("0::/\n", {"cpu.max": "nonsense"}, inf),
        ("0::/\n", {"cpu.max": "100000 0"}, inf),
        ("0::/a/b.scope\n", {"a/b.scope/cpu.max": "300000 100000\n"}, 3),
        ("0::/a/b.scope\n", {"a/cpu.max": "200000 100000\n", "a/b.scope/cpu.max": "max 100000\n"}, 2),
        ("0::/a/b\n", {"a/cpu.max": "800000 100000\n", "a/b/cpu.max": "400000 100000\n"}, 4),
        ("0::/not/seen/here\n", {"cpu.max": "200000 100000\n"}, 2),
        ("4:cpu,cpuacct:/\n", {"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4),
        ("4:cpu,cpuacct:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, inf),
        ("4:cpu:/a\n0::/\n", {"cpu/a/cpu.cfs_quota_us": "50000", "cpu/a/cpu.cfs_period_us": "100000"}, 1),
        ("5:cpuset,memory:/a\n", {"cpu/a/cpu.cfs_quota_us": "1", "cpu/a/cpu.cfs_period_us": "1"}, inf),
        ("nonsense\n", {}, inf),
        ("", {}, inf),
    ],
)
def test_the_smallest_quota_on_the_way_to_the_process_counts(tmp_path, membership, files, expected):
    groups = tmp_path / "groups"
    for name, text in files.items():
        (groups / name).parent.mkdir(parents=True, exist_ok=True)
        (groups / name).write_text(text)
    (tmp_path / "membership").write_text(membership)
    assert cores.quota(groups, tmp_path / "membership") == expected


def test_a_system_without_control_groups_has_no_quota(tmp_path):
    assert cores.quota(tmp_path / "none", tmp_path / "none either") == inf


@pytest.mark.parametrize(("allowed", "quota", "expected"), [(64, inf, 64), (64, 2, 2), (1, 8, 1), (4, 1, 1)])
def test_cores_are_those_allowed_and_paid_for(monkeypatch, allowed, quota, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(allowed)), raising=False)
    monkeypatch.setattr(cores, "quota", lambda groups, membership: quota)
    assert cores.usable_cores() == expected


def test_without_affinity_all_cores_count(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(cores, "quota", lambda groups, membership: inf)
    assert cores.usable_cores() == 4
