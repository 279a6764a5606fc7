"""Start a container's command as the owner of the folders that are mounted: what it writes belongs to who started it.

A container that was started with --user goes on as that user. Without a mounted folder it is the image's own user.
"""

import os
import sys
from pathlib import Path

# Those that `docker run -v` brings, the likeliest first. In a named volume they belong to the image's own user.
FOLDERS = ("data/raw", "data", "models", ".dvc", ".git")
OWN = 10001


def owner() -> tuple[int, int]:
    """User and group of the first folder that is mounted; root's only if all that is mounted is root's."""
    mounted = [path.stat() for path in map(Path, FOLDERS) if path.is_mount()]
    owners = [(status.st_uid, status.st_gid) for status in mounted] or [(OWN, OWN)]
    return next((found for found in owners if found[0] != 0), owners[0])


def main() -> None:
    """Become that user, then the command."""
    if os.geteuid() == 0:
        user, group = owner()
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
        for link in filter(Path.is_symlink, Path().iterdir()):  # into a folder that may be mounted, and new
            link.resolve().mkdir(parents=True, exist_ok=True)
    os.umask(0o022)
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
