"""A database that other machines may write to is refused, or said: tried with tables of mounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from obdtrack.errors import ConfigError
from obdtrack.operations.doctor import machine
from obdtrack.operations.doctor.result import CheckedInstallation, Level
from obdtrack.store import file_systems
from obdtrack.store.database import open_database
from obdtrack.store.file_systems import OF_A_NETWORK, OF_THE_HOST, file_system
from tests import factories

TABLE = """\
overlay / overlay rw,relatime 0 0
tmpfs /srv tmpfs rw 0 0
nas:/exports/a /srv/shared nfs4 rw,vers=4.2 0 0
/dev/sdb1 /srv/shared/local ext4 rw 0 0
//nas/two\\040words /srv/two\\040words cifs rw 0 0
me@far: /srv/far fuse.sshfs rw 0 0
nas:/old /srv/twice nfs rw 0 0
/dev/sdc1 /srv/twice xfs rw 0 0
"""


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table of mounts as the kernel writes it."""
    table = tmp_path / "mounts"
    table.write_text(TABLE)
    monkeypatch.setattr(file_systems, "MOUNTS", table)
    return table


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/obdtrack.db", "overlay"),
        ("/srv/obdtrack.db", "tmpfs"),
        ("/srv/shared/obdtrack.db", "nfs4"),
        ("/srv/shared/new/../obdtrack.db", "nfs4"),
        ("/srv/shared-not/obdtrack.db", "tmpfs"),
        ("/srv/shared/local/obdtrack.db", "ext4"),
        ("/srv/two words/obdtrack.db", "cifs"),
        ("/srv/far/obdtrack.db", "sshfs"),
        ("/srv/twice/obdtrack.db", "xfs"),
    ],
)
def test_a_file_is_on_what_was_mounted_last_nearest_above_it(mounted: Path, path: str, kind: str):
    assert file_system(Path(path)) == kind


def test_a_link_leads_to_where_the_file_is(mounted: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to("/srv/shared")
    assert file_system(tmp_path / "link" / "obdtrack.db") == "nfs4"


def test_where_there_is_no_table_nothing_is_known(mounted: Path):
    mounted.unlink()
    assert file_system(Path("/srv/shared/obdtrack.db")) == ""


@pytest.mark.parametrize("kind", sorted(OF_A_NETWORK))
def test_sqlite_on_a_network_is_refused_before_anything_is_made(
    mounted: Path, tmp_path: Path, kind: str
):
    mounted.write_text(f"nas:/x {tmp_path} {kind} rw 0 0\n")
    path = tmp_path / "new" / "obdtrack.db"
    with pytest.raises(ConfigError) as refused:
        open_database(f"sqlite:///{path}")
    assert f"{path} is on a network file system ({kind})" in str(refused.value)
    assert "use PostgreSQL" in str(refused.value)
    assert not path.parent.exists()


@pytest.mark.parametrize("kind", sorted(OF_THE_HOST))
def test_a_folder_of_the_host_is_used_and_doctor_says_what_must_not_be(
    mounted: Path, tmp_path: Path, kind: str
):
    mounted.write_text(f"share {tmp_path} {kind} rw 0 0\n")
    url = f"sqlite:///{tmp_path}/obdtrack.db"
    open_database(url)
    found = machine.check_sqlite(CheckedInstallation(factories.settings(database_url=url), None))
    assert (found.level, f"({kind})" in found.text) == (Level.WARNING, True)
    assert "only one machine" in found.remedy
