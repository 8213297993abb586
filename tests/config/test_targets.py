"""The tables of hosts, servers and stoppers."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwatch_core.config import Settings, load_settings
from trainwatch_core.model.errors import ConfigError
from trainwatch_core.model.run import parse_wandb_run


def read(folder: Path, text: str) -> Settings:
    """The settings of a file with this text."""
    (folder / "t.toml").write_text(text, encoding="utf-8")
    return load_settings(folder / "t.toml", {"HOME": str(folder), "TZ": "UTC"}, cwd=folder)


def test_a_host_is_named_and_the_rest_has_defaults(tmp_path: Path) -> None:
    """An empty table is enough; nothing may be read or written there then."""
    found = read(tmp_path, "[hosts.gpu1]\n[hosts.gpu2]\nssh = 'big'\nlog_roots = ['/mnt/logs']\n")
    assert found.hosts["gpu1"].ssh is None
    assert found.hosts["gpu1"].log_roots == ()
    assert (found.hosts["gpu2"].ssh, found.hosts["gpu2"].log_roots) == ("big", ("/mnt/logs",))


STOPPER = """
[stoppers.lab]
argv = ["/usr/bin/scancel", "--", "{job_id}"]
params = { job_id = { type = "int" } }
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[hosts.gpu1]\nhost = 'x'\n", "hosts.gpu1.host: there is no such key"),
        ("[hosts.gpu1]\nlog_root = []\n", 'hosts.gpu1.log_root: there is no such key. Did you mean "log_roots"'),
        ("[hosts.'-oProxyCommand=x']\n", "a name of letters"),
        ("[hosts.gpu1]\nssh = '-oProxyCommand=x'\n", "hosts.gpu1.ssh: .* a name of letters"),
        ("[hosts.gpu1]\nlog_roots = ['logs']\n", r"hosts.gpu1.log_roots\[0\]: .* an absolute path"),
        ("[hosts.gpu1]\nlog_roots = ['/a/../b']\n", "an absolute path"),
        ("[servers.lab]\n", "servers.lab.url: is missing"),
        ("[servers.lab]\nurl = 'http://u:p@h'\n", "servers.lab.url"),
        ("[stoppers.lab]\n", "stoppers.lab.argv: is missing"),
        ("[stoppers.lab]\nargv = ['scancel']\n", "absolute path"),
        ("[stoppers.lab]\nargv = '/usr/bin/scancel 1'\n", "a list"),
        ("[stoppers.lab]\nargv = ['/usr/bin/x', '{job}']\n", '"job" does not'),
        ("[stoppers.lab]\nargv = ['/usr/bin/{x}']\nparams = { x = { type = 'word' } }\n", "named in full"),
        (STOPPER.replace('"int"', '"float"'), 'params.job_id.type: .* "int" or "word"'),
        (STOPPER.replace('"int"', '"int", minimum = 1'), 'params.job_id.minimum: .* "min"'),
        (STOPPER + "verify = { argv = ['/bin/true'], gone_if = 'exit_0' }\n", "verify.gone_if"),
        (STOPPER + "escalate = [{ after = '0s', argv = ['/bin/true'] }]\n", "after"),
        ("[stop]\ncheckpoint_signal = 'SIGKILL'\n", "checkpoint_signal: .* one of SIGUSR1"),
        ("[stop]\nsave_switch = 'STOP'\n", "save_switch: .* an absolute path"),
        ("[stop]\npath = ['bin']\n", "absolute path"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(tmp_path: Path, text: str, said: str) -> None:
    """F-X01: the key by its path, and what is allowed."""
    with pytest.raises(ConfigError, match=said):
        read(tmp_path, text)


def test_a_project_says_how_its_trainers_save(tmp_path: Path) -> None:
    """What the project says wins over [stop]; the run's name is filled in; other runs have the common rule."""
    found = read(
        tmp_path,
        "[stop]\nsave_switch = '/runs/STOP'\n"
        "[[project]]\nmatch = 'team/vision'\ncheckpoint_signal = 'SIGUSR1'\nsave_switch = '/runs/{run}/STOP'\n",
    )
    ours, theirs = found.stop_of(parse_wandb_run("team/vision/r1")), found.stop_of(parse_wandb_run("team/other/r1"))
    assert (ours.checkpoint_signal, ours.save_switch) == ("SIGUSR1", "/runs/r1/STOP")
    assert (theirs.checkpoint_signal, theirs.save_switch) == ("", "/runs/STOP")
