"""The keys, the script and the stopper of docs/stopping.md do what it says, with a real sshd and a real ssh."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainwatch_core.adapters.clock import SystemClock
from trainwatch_core.adapters.ssh import SshRoom
from trainwatch_core.adapters.stoppers.guarded import GuardedStopper
from trainwatch_core.adapters.stoppers.owned import OwnedJob
from trainwatch_core.adapters.stoppers.places import LocalPlace
from trainwatch_core.config import load_settings
from trainwatch_core.model.errors import HostError, JobNotFoundError
from trainwatch_core.model.launch import parse_launch
from trainwatch_core.model.stop import JobState
from trainwatch_core.testing.jobs import Jobs, gone
from trainwatch_core.testing.sshd import Sshd

pytestmark = pytest.mark.system("/usr/sbin/sshd", "ssh-keygen", "ssh")
TEXT = (Path(__file__).parents[2] / "docs" / "stopping.md").read_text(encoding="utf-8")
IGNORING = "signal.signal(signal.SIGTERM, signal.SIG_IGN); ready(); rest()"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


def block(kind: str, word: str) -> str:
    """The example of the document that has a word in it."""
    (found,) = [text for text in re.findall(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL) if word in text]
    return str(found)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The script, installed."""
    place = tmp_path / "end-job"
    place.write_text(block("sh", "end-job"), encoding="utf-8")
    place.chmod(0o755)
    return place


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    """A host."""
    (tmp_path / "host").mkdir()
    server = Sshd(tmp_path / "host")
    server.start()
    yield server
    server.stop()


def let_in(sshd: Sshd, line: str) -> None:
    """Let our key in by a line of the document, from here."""
    key = (sshd.folder / "id.pub").read_text(encoding="ascii").split()
    options = line.partition(" ssh-ed25519")[0].replace("10.0.0.7", "127.0.0.1")
    (sshd.folder / "authorized_keys").write_text(f"{options} {key[0]} {key[1]}\n", encoding="ascii")


def stopper_at(sshd: Sshd, script: Path, folder: Path, pid: int) -> GuardedStopper:
    """The stopper of the document, with the host's door and address put in their places."""
    let_in(sshd, block("text", "end-job").replace("/usr/local/bin/end-job", str(script)))
    address = f'"-F", "{sshd.config}", "-o", "BatchMode=yes", "gpu1"'
    toml = block("toml", "gpu1-train").replace('"-o", "BatchMode=yes", "gpu1-end"', address).replace("60s", "1s")
    (folder / "trainwatch.toml").write_text(toml, encoding="utf-8")
    settings = load_settings(folder / "trainwatch.toml", {"HOME": str(folder)}, cwd=folder)
    clock = SystemClock()
    launch = parse_launch(f"command:gpu1-train:pid={pid}")
    return GuardedStopper(OwnedJob(launch, LocalPlace(clock, folder / "tokens"), settings.stoppers), clock)


def test_the_stopper_behind_the_wall_ends_its_job_and_proves_it(
    sshd: Sshd, script: Path, tmp_path: Path, jobs: Jobs
) -> None:
    """SIGTERM is ignored, so the harder rung follows; then nothing is there."""
    job = jobs.start(IGNORING)
    stopper = stopper_at(sshd, script, tmp_path, job.pid)
    identity = stopper.identify()
    assert stopper.probe(identity).state is JobState.ALIVE
    done = stopper.execute(stopper.plan(identity), "a" * 32)
    assert [result.ok for result in done.results] == [True, True]
    assert done.probe.state is JobState.GONE
    assert gone(job.pid)
    with pytest.raises(JobNotFoundError):
        stopper.identify()


@pytest.mark.parametrize(
    "words",
    [
        "",
        "end",
        "end 1",
        "end 0",
        "end -1",
        "end 4 5",
        "end $(id)",
        "kill 4;id",
        "sh -c id",
        "alive *",
        "end 07",
        "a 4",
    ],
)
def test_the_key_of_the_stopper_can_do_nothing_else(sshd: Sshd, script: Path, words: str) -> None:
    """No shell, no other process ids, no two at once."""
    let_in(sshd, block("text", "end-job").replace("/usr/local/bin/end-job", str(script)))
    ssh = [shutil.which("ssh") or "ssh", "-F", str(sshd.config), "-T", "gpu1", *([words] if words else [])]
    done = subprocess.run(ssh, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 64
    assert "uid=" not in done.stdout


def test_a_key_for_files_reads_and_writes_them_and_runs_nothing(sshd: Sshd, tmp_path: Path) -> None:
    """What trainwatch reads logs and appends notes with."""
    let_in(sshd, block("text", "internal-sftp"))
    (tmp_path / "train.log").write_text("step 1 loss 2.0\n", encoding="utf-8")
    room = SshRoom(SystemClock(), {"gpu1": "gpu1"}, sshd.config)
    try:
        with room.files("gpu1", timeout=30.0) as files:
            assert files.read(str(tmp_path / "train.log"), 0, 100) == b"step 1 loss 2.0\n"
            files.append(str(tmp_path / "note.md"), b"stopped\n")
        assert (tmp_path / "note.md").read_bytes().startswith(b"stopped\n")
        marker = tmp_path / "ran"
        try:
            ran = room.run("gpu1", ("/usr/bin/touch", str(marker)), timeout=5.0, environment=ENVIRONMENT)
        except HostError:
            pass
        else:
            assert ran.exit_code != 0
        assert not marker.exists()
    finally:
        room.close()


@pytest.mark.system("/usr/sbin/visudo")
def test_sudo_understands_the_line(tmp_path: Path) -> None:
    """Its own checker reads it."""
    file = tmp_path / "trainwatch"
    file.write_text(block("sudoers", "end-job"), encoding="utf-8")
    file.chmod(0o440)
    done = subprocess.run(
        ["/usr/sbin/visudo", "-cf", str(file)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert os.access(file, os.R_OK)
