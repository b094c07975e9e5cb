"""Where a file is: on a disk of this machine, or on one that other machines write to as well.

All who have an SQLite file open share its log's index, in memory, and see each other's locks. Two
machines share no memory, and locks only if their file system is kind: they damage the file.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

MOUNTS = Path("/proc/self/mounts")

OF_A_NETWORK = frozenset((
    "afs", "beegfs", "ceph", "ceph-fuse", "cephfs", "cifs", "gfs2", "glusterfs", "gpfs", "juicefs",
    "lustre", "nfs", "nfs4", "ocfs2", "orangefs", "rclone", "s3fs", "smb3", "smbfs", "sshfs",
))  # fmt: skip

OF_THE_HOST = frozenset(("9p", "prl_fs", "vboxsf", "virtiofs", "vmhgfs", "vmhgfs-fuse"))
"""A folder of the machine that this one runs in, which may write to it, too."""


def file_system(path: Path) -> str:
    """Return the kind of file system a path is on, or would be: `ext4`; empty if nobody knows."""
    try:
        table = MOUNTS.read_text(errors="surrogateescape")
    except OSError:  # not Linux
        return ""
    place, kind, longest = os.path.realpath(path), "", 0
    for line in table.splitlines():
        _, point, found, *_ = line.split(" ")
        point = re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), point)
        # The last one mounted at a place hides those before.
        if f"{place}/".startswith(f"{point.rstrip('/')}/") and len(point) >= longest:
            kind, longest = found, len(point)
    return kind.removeprefix("fuse.")
