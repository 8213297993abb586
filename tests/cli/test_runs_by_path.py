"""A run is a path: what lies there is read, and the report says by what."""

from __future__ import annotations

import pytest

from trainwatch_core.testing.desk import Desk
from trainwatch_core.testing.sshd import Sshd


def test_a_look_at_any_of_them_says_what_answered(desk: Desk) -> None:
    """As a run of its own, and as the fallback log of a W&B run that cannot be reached."""
    (desk.folder / "trainwatch.toml").write_text('[wandb]\nbase_url = "http://127.0.0.1:9"\ntimeout = "3s"\n')
    table = desk.folder / "metrics.csv"
    table.write_text("step,train_loss\n" + "".join(f"{n},{3 - n / 100}\n" for n in range(100)))
    for words in (("check", str(table)), ("check", "lab/vision/r1", "--log", str(table))):
        done = desk.run(*words)
        assert "Data source: log_fallback (csv)" in done.stdout, done.stdout + done.stderr
        assert "train_loss 2.01" in done.stdout


@pytest.mark.system("/usr/sbin/sshd", "ssh-keygen")
def test_a_log_of_another_machine_is_looked_at_over_ssh(desk: Desk) -> None:
    """Named as scp has it, below the log_roots of its host; the client's own ~/.ssh/config says how it is reached."""
    server = Sshd(desk.folder / "sshd")
    server.start()
    try:
        (desk.folder / ".ssh").mkdir()
        (desk.folder / ".ssh" / "config").write_text(server.config.read_text())
        logs = desk.folder / "logs"
        logs.mkdir()
        log = logs / "train.log"
        log.write_text("".join(f"step={n} loss={3 - n / 100}\n" for n in range(100)))
        toml = desk.folder / "trainwatch.toml"
        toml.write_text(f'[hosts.gpu1]\nlog_roots = ["{logs}"]\n')
        done = desk.run("check", f"gpu1:{log}")
        assert "Data source: log_fallback (log over SSH)" in done.stdout, done.stdout + done.stderr
        assert "loss 2.01" in done.stdout
        toml.write_text("[hosts.gpu1]\n")
        done = desk.run("check", f"gpu1:{log}")
        assert "log_roots of [hosts.gpu1]" in done.stdout + done.stderr
    finally:
        server.stop()
