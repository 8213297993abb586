"""Evidence: what a decision rests on, kept in directories that are complete or not there at all."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from trainwatch_core.adapters.durable import sync_directory, write_new
from trainwatch_core.model.errors import StorageError

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_UNSAFE_RUN = re.compile(r"[^A-Za-z0-9_-]+")
_SLUG_LENGTH = 60
# Names that some file systems take for devices, whatever follows the dot.
_DEVICES = re.compile(r"(?i)(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?")
_TRIES = 1000


def slug(name: str) -> str:
    """A directory name of [A-Za-z0-9_-] that nobody else's name has: what can be read of `name`, and a hash of it all.

    Args:
        name: Anything; untrusted.
    """
    readable = _UNSAFE_RUN.sub("-", name)[:_SLUG_LENGTH].strip("-") or "evidence"
    return f"{readable}-{_hash(name)}"


def file_name(name: str) -> str:
    """The name itself where it is a plain file name, else one made from it with a hash; the ending is kept.

    Args:
        name: Anything; untrusted.
    """
    if _SAFE.fullmatch(name) and not _DEVICES.fullmatch(name):
        return name
    stem, dot, ending = name.rpartition(".")
    kept = f".{ending}" if dot and re.fullmatch(r"[A-Za-z0-9]{1,8}", ending) else ""
    readable = _UNSAFE_RUN.sub("-", stem if kept else name)[:_SLUG_LENGTH].strip("-") or "file"
    return f"{readable}-{_hash(name)}{kept}"


class DirectoryLocker:
    """Keeps evidence below one directory. Everything is readable by the owner only.

    Args:
        root: Where the directories stand; created when needed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def keep(self, name: str, files: Mapping[str, bytes]) -> str:
        """Write files into a new directory, synced to disk; it appears under its name only when it is complete.

        Args:
            name: What the evidence is of; untrusted. A name that was used before gets a number.
            files: Content by file name; the names are untrusted.

        Returns:
            The absolute path of the directory.

        Raises:
            StorageError: If not everything was written; nothing is left behind then.
        """
        # A name of its own, so that what a crash left half-written is never taken for a whole.
        draft = self._root / f".draft-{secrets.token_hex(8)}"
        try:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.mkdir(mode=0o700)
            for each, content in files.items():
                write_new(draft / file_name(each), content)
            sync_directory(draft)
            kept = self._publish(draft, slug(name))
            sync_directory(self._root)
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            raise StorageError(
                f"The evidence could not be written: {error.strerror or error}",
                where=str(self._root),
                todo="Make room there, or give the right to write",
            ) from error
        return str(kept.absolute())

    def _publish(self, draft: Path, name: str) -> Path:
        for number in range(1, _TRIES):
            place = self._root / (name if number == 1 else f"{name}-{number}")
            if not os.path.lexists(place):
                return draft.rename(place)
        raise FileExistsError(None, f"there are {_TRIES - 1} of that name")


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]
