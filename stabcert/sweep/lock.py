"""Opening a file that one process at a time may append to."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from stabcert.errors import InputError

CLOSE_ON_EXEC = getattr(os, "O_CLOEXEC", 0)  # does not exist on Windows, which does not need it


def open_locked(path: Path) -> tuple[int, list[str]]:
    """Return a descriptor that reads and appends, locked until it is closed, and notes for the user.

    Anything other than a regular file (a pipe, a device) is opened for writing without a lock.

    Raises:
        InputError: another process has locked the file.
        OSError: the file cannot be opened.
    """
    while True:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | CLOSE_ON_EXEC, 0o666)
        except OSError:
            if os.path.isfile(path) or os.path.isdir(path) or not os.path.exists(path):
                raise
            return os.open(path, os.O_WRONLY | CLOSE_ON_EXEC), []  # a pipe or device that cannot be read
        try:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode):
                return file, []
            notes = lock(file, path)
            # Whoever held the lock may have put another file into this place.
            if path.exists() and os.path.samestat(status, os.stat(path)):
                return file, notes
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def lock(file: int, path: Path) -> list[str]:
    """Lock an open file for this process, and return notes for the user where that is not possible.

    Raises:
        InputError: another process has locked the file.
    """
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InputError(
            f"another process is writing to {path}. Wait until it is done, or give each process its own file "
            "(cat joins the files of several shards)"
        ) from error
    except (ImportError, OSError):
        return [f"{path} cannot be locked on this file system. Do not let other processes write to it"]
    return []
