"""Brings a file to the schema that this version knows.

Each migration runs once, all of them in one transaction, so that a file is either wholly at a version or
untouched. A file that a newer version has written is refused, and so is one that is not ours.
"""

from __future__ import annotations

from pathlib import Path

from qnpc.errors import Code, Error
from qnpc.node.store.sqlite.database import Database
from qnpc.node.store.sqlite.statements import MIGRATIONS, split

_APPLICATION = 1903063139  # "qnpc", as create.sql sets it


def prepare(db: Database, path: Path) -> None:
    """Creates or checks, sets up the connection, migrates. Raises Error (E024 not ours, E002 from a newer
    version)."""
    if db.one("page_count") == (0,):
        db.set_up("create")
    elif db.one("application_id") != (_APPLICATION,):
        raise Error(Code.STORE_UNAVAILABLE, f"{path} is a database of another program")
    db.set_up("writer")
    migrate(db, path)


def migrate(db: Database, path: Path) -> None:
    """Applies what is missing; doing it again does nothing."""
    db.run("begin")
    try:
        db.run("create_migrations")
        row = db.one("newest_migration")
        newest = 0 if row is None else int(row[0])
        if newest > len(MIGRATIONS):
            raise Error(
                Code.UNSUPPORTED_VERSION, f"{path} was written by a newer version of qnpc; upgrade this one"
            )
        for number, script in MIGRATIONS[newest:]:
            db.execute_all(split(script))
            db.run("add_migration", number=number)
        db.run("commit")
    except BaseException:
        db.rollback()
        raise
