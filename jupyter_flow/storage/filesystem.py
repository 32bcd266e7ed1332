"""Whether a folder lies on a network file system, where SQLite's WAL must not be used."""

from __future__ import annotations

from pathlib import Path

REMOTE = frozenset(
    [
        "9p",
        "acfs",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "nfs",
        "nfs4",
        "ocfs2",
        "pvfs2",
        "smb2",
        "smb3",
    ]
)
"""Type names of network file systems; every ``fuse.*`` counts as one too."""


def network_filesystem(folder: Path, mounts: str | None = None) -> str | None:
    """Return the type of the network file system that ``folder`` lies on, None for a local one.

    ``mounts``: text in the format of ``/proc/self/mounts``, which is read when it is None; where it does not
    exist (macOS, Windows) the answer is None.
    """
    if mounts is None:
        try:
            mounts = Path("/proc/self/mounts").read_text(errors="surrogateescape")
        except OSError:
            return None
    path = folder.resolve()
    best, found = -1, ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(fields[1].encode(errors="surrogateescape").decode("unicode_escape"))
        # later lines win over earlier ones at the same point: the last mount is the visible one
        if len(point.parts) >= best and path.is_relative_to(point):
            best, found = len(point.parts), fields[2]
    return found if found in REMOTE or found.startswith("fuse.") else None
