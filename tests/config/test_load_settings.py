"""The file is found, trusted, read, and every problem in it is told at once."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainwatch_core.config import Settings, find_config, load_settings
from trainwatch_core.config.loading import LARGEST, Ownership
from trainwatch_core.config.problems import MOST
from trainwatch_core.model.errors import ConfigError
from trainwatch_core.model.finding import Weight

Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a text as the file of a user whose home is `tmp_path`."""

    def load_text(text: str | bytes, **environ: str) -> Settings:
        file = tmp_path / "trainwatch.toml"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return load_settings(file, {"HOME": str(tmp_path), "TZ": "Europe/Berlin", **environ}, cwd=tmp_path)

    return load_text


def problems_of(load: Load, text: str | bytes, **environ: str) -> tuple[str, ...]:
    """What is wrong with a text; it must be something."""
    with pytest.raises(ConfigError) as caught:
        load(text, **environ)
    return caught.value.problems


def test_nothing_need_be_set(tmp_path: Path) -> None:
    """Without any file a user gets the defaults, with the data below the own home."""
    found = load_settings(None, {"HOME": str(tmp_path), "TZ": "America/New_York"}, cwd=tmp_path)
    assert found == Settings(tmp_path / ".local/share/trainwatch", ZoneInfo("America/New_York"))
    assert found.database == tmp_path / ".local/share/trainwatch/trainwatch.db"
    assert {found.evidence.parent, found.pictures.parent, found.tokens.parent} == {found.data_dir}


def test_an_empty_list_of_approvers_means_nobody(load: Load) -> None:
    """F-A02: without names in the file nobody has a right, and a misspelt list is refused rather than passed over."""
    found = load("admins = []")
    assert (found.admins, found.approvers, found.watchers) == ((), (), ())
    assert problems_of(load, 'aprovers = ["U012AB3CD"]') == (
        'aprovers: there is no such key. Did you mean "approvers"?',
    )


def test_search_order(tmp_path: Path) -> None:
    """--config wins over TRAINWATCH_CONFIG, that over the working directory, that over the user's own folder."""
    work, home, xdg = tmp_path / "work", tmp_path / "home", tmp_path / "xdg"
    own, named = home / ".config/trainwatch/trainwatch.toml", {"TRAINWATCH_CONFIG": "other.toml"}
    (home / ".config/trainwatch").mkdir(parents=True)
    (xdg / "trainwatch").mkdir(parents=True)
    work.mkdir()
    environ = {"HOME": str(home)}
    assert find_config(None, environ, cwd=work) is None
    own.touch()
    assert find_config(None, environ, cwd=work) == own
    (xdg / "trainwatch/trainwatch.toml").touch()
    assert find_config(None, {**environ, "XDG_CONFIG_HOME": str(xdg)}, cwd=work) == xdg / "trainwatch/trainwatch.toml"
    assert find_config(None, {**environ, "XDG_CONFIG_HOME": "relative"}, cwd=work) == own
    (work / "trainwatch.toml").touch()
    assert find_config(None, environ, cwd=work) == work / "trainwatch.toml"
    assert find_config(None, {**environ, **named}, cwd=work) == work / "other.toml"
    assert find_config(Path("given.toml"), {**environ, **named}, cwd=work) == work / "given.toml"


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    """Who names a file that does not exist is told so, and gets no defaults instead."""
    with pytest.raises(ConfigError, match=r"there is no such file. Check --config and TRAINWATCH_CONFIG"):
        load_settings(None, {"HOME": str(tmp_path), "TRAINWATCH_CONFIG": "gone.toml"}, cwd=tmp_path)


def test_values_are_read(load: Load, tmp_path: Path) -> None:
    """Durations become seconds, paths absolute, names words of the house."""
    found = load(
        """
        data_dir = "data"
        timezone = "Asia/Tokyo"
        admins = ["U012AB3CD"]
        [wandb]
        base_url = "https://wandb.example.org/"
        timeout = 5
        [log]
        roots = ["~/logs", "/mnt/logs"]
        [stop]
        approval_ttl = "1h30m"
        auto_grace = 0
        auto_on = ["hard"]
        [cost]
        per_hour = 2
        currency = "EUR"
        """
    )
    assert found.data_dir == tmp_path / "data"
    assert found.timezone == ZoneInfo("Asia/Tokyo")
    assert found.admins == ("U012AB3CD",)
    assert (found.wandb.base_url, found.wandb.timeout) == ("https://wandb.example.org", 5.0)
    assert found.log.roots == (tmp_path / "logs", Path("/mnt/logs"))
    assert (found.stop.approval_ttl, found.stop.auto_grace, found.stop.auto_on) == (
        5400.0,
        0.0,
        frozenset({Weight.HARD}),
    )
    assert (found.cost.per_hour, found.cost.currency) == (2.0, "EUR")


def test_the_environment_wins_over_the_data_dir_of_the_file(load: Load, tmp_path: Path) -> None:
    """TRAINWATCH_DATA_DIR overrides the file; set but empty it counts as not set."""
    assert load('data_dir = "/a"', TRAINWATCH_DATA_DIR="b").data_dir == tmp_path / "b"
    assert load('data_dir = "/a"', TRAINWATCH_DATA_DIR="").data_dir == Path("/a")
    assert load("", XDG_DATA_HOME="/x").data_dir == Path("/x/trainwatch")


def test_without_a_home_the_data_dir_must_be_named(tmp_path: Path) -> None:
    """A service without HOME is told which variable to set."""
    with pytest.raises(ConfigError, match=r"data_dir: is not given.*TRAINWATCH_DATA_DIR"):
        load_settings(None, {"TZ": "UTC"}, cwd=tmp_path)


def test_a_machine_without_a_named_zone_keeps_its_offset(tmp_path: Path) -> None:
    """A TZ that is no IANA name does not keep trainwatch from starting: times have the offset of this moment."""
    zone = load_settings(None, {"HOME": str(tmp_path), "TZ": "<+03>-3"}, cwd=tmp_path).timezone
    assert zone.utcoffset(datetime.now(UTC)) is not None


def test_all_problems_are_told_at_once(load: Load) -> None:
    """F-X01: each problem names the key, what was found, what is allowed and what to do."""
    problems = problems_of(
        load,
        """
        timezone = "Europe"
        approvers = ["@ana"]
        interval = "5m"
        api_key = "planted-secret"
        [watch]
        intervall = "5m"
        mode = "automatic"
        notes = 2024-01-01
        baseline = { "val/loss" = "low", other = nan }
        key_metrics = "loss"
        planned_steps = true
        announce = ["30000=harder data", "soon=warmer", 7]
        [watch.policy]
        hard_rounds = 0
        soft_share = 3
        warmup_share = -0.1
        confirm_share = "3 %"
        sparse_rows = 8.5
        sparse_share = 20
        announced_share = nan
        [[project]]
        launch = "pid:1"
        log_command = "tail -f"
        [wandb]
        base_url = "https://me:hunter2@host"
        timeout = "soon"
        [stop]
        mass_stop = 0xffffffffffffffffffffffffffffffff
        auto_on = ["hard", "blind"]
        grace = -1
        """,
    )
    told = {problem.partition(": ")[0]: problem for problem in problems}
    assert set(told) == {
        "timezone",
        "approvers[0]",
        "interval",
        "api_key",
        "watch.intervall",
        "watch.mode",
        "watch.notes",
        'watch.baseline."val/loss"',
        "watch.baseline.other",
        "watch.key_metrics",
        "watch.planned_steps",
        "watch.announce[1]",
        "watch.announce[2]",
        "watch.policy.hard_rounds",
        "watch.policy.soft_share",
        "watch.policy.warmup_share",
        "watch.policy.confirm_share",
        "watch.policy.sparse_rows",
        "watch.policy.sparse_share",
        "watch.policy.announced_share",
        "project[0].match",
        "project[0].launch",
        "project[0].log_command",
        "wandb.base_url",
        "wandb.timeout",
        "stop.mass_stop",
        "stop.auto_on",
        "stop.grace",
    }
    assert told["watch.mode"] == 'watch.mode: found "automatic"; allowed is one of "ask", "auto"'
    assert told["watch.planned_steps"].startswith("watch.planned_steps: found true; ")
    assert told["interval"] == "interval: it does not belong here. Move it to [watch] or [[project]]"
    assert "Copy member ID" in told["approvers[0]"]
    assert "hunter2" not in "".join(problems)
    assert "planted-secret" not in "".join(problems)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("timezone = \n", ":1:12: this is no TOML: Invalid value"),
        ('[stop]\ngrace = "30s', ":2:end: this is no TOML: Unterminated string"),
        ("[stop]\n[wandb]\n[stop]\n", ":3:6: this is no TOML"),
        ("[stop]\ngrace = 1\ngrace = 2\n", ":3:10: this is no TOML: Cannot overwrite a value"),
        (b"[stop]\n# \xff\n", ":2: this is not UTF-8 text"),
        ("a = " + "[" * 5000, "nested too deeply"),
        ("a = " + "9" * 5000, "this is no TOML"),
        ('[project]\nmatch = "a/b"', "Write the brackets twice"),
        ('[[project]]\nmatch = "a/b"\n[[project]]\nmatch = "a/b"', 'found 2 tables with match = "a/b"'),
        ('"\\u001b[31mred" = 1', '"\\u001b[31mred": there is no such key'),
        ("#" * (LARGEST + 1), "larger than"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_broken_files_are_told_with_their_place(load: Load, text: str | bytes, told: str) -> None:
    """F-X01: syntax errors and duplicates come with file and line; nothing of the file reaches the screen unescaped."""
    [problem] = problems_of(load, text)
    assert told in problem


def test_problems_are_bounded(load: Load) -> None:
    """A file that is something else altogether gives a screenful of problems, not thousands."""
    problems = problems_of(load, "\n".join(f"key{n} = 1" for n in range(2000)))
    assert len(problems) == MOST + 1
    assert problems[-1] == "and 1950 more. Put these right first"


def test_a_file_that_everybody_may_write_is_refused(load: Load, tmp_path: Path) -> None:
    """F-X01: a world-writable file is not read, and the person is told how to mend it."""
    load("")
    (tmp_path / "trainwatch.toml").chmod(0o646)
    with pytest.raises(ConfigError, match="chmod o-w"):
        load_settings(None, {"HOME": str(tmp_path)}, cwd=tmp_path)


@pytest.mark.parametrize(
    ("mode", "owner", "told"),
    [
        (stat.S_IFREG | 0o600, 1000, ""),
        (stat.S_IFREG | 0o664, 1000, ""),
        (stat.S_IFREG | 0o644, 0, ""),
        (stat.S_IFREG | 0o600, 1001, "belongs to the user with id 1001"),
        (stat.S_IFREG | 0o602, 0, "chmod o-w"),
        (stat.S_IFIFO | 0o600, 1000, "no ordinary file"),
    ],
)
def test_only_files_of_the_user_and_of_root_are_trusted(mode: int, owner: int, told: str) -> None:
    """F-X01: who could have written the file decides whether its commands are believed."""
    problem = Ownership(mode, owner, reader=1000).problem()
    assert told in problem if told else not problem


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away; the table above covers the rule")
def test_a_file_of_another_user_is_refused(load: Load, tmp_path: Path) -> None:
    """F-X01: a file that belongs to somebody else is not read, not even by root."""
    load("")
    os.chown(tmp_path / "trainwatch.toml", 65534, 65534)
    with pytest.raises(ConfigError, match="belongs to the user with id 65534"):
        load_settings(None, {"HOME": str(tmp_path)}, cwd=tmp_path)


@pytest.mark.timeout(10)
def test_a_pipe_in_the_place_of_the_file_does_not_hold_us_up(tmp_path: Path) -> None:
    """F-X01: a named pipe that nobody writes to is refused at once."""
    os.mkfifo(tmp_path / "trainwatch.toml", 0o600)
    with pytest.raises(ConfigError, match="no ordinary file"):
        load_settings(None, {"HOME": str(tmp_path)}, cwd=tmp_path)


def test_a_folder_in_the_place_of_the_file_is_told(tmp_path: Path) -> None:
    """A directory of that name is a problem with words, not a traceback."""
    (tmp_path / "trainwatch.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_settings(None, {"HOME": str(tmp_path)}, cwd=tmp_path)


KEYS = st.sampled_from(
    ["watch", "project", "stop", "interval", "policy", "baseline", "match", "auto_on", "admins", "é"]
)
VALUES = st.sampled_from(
    ["1", "-1", "nan", "inf", "true", '""', '"30m"', '"\\u0000"', "[]", "[1]", "{}", "{a = {}}", "2024-01-01", "1e999"]
)
LINES = st.one_of(
    st.builds("[{}]".format, KEYS),
    st.builds("[[{}]]".format, KEYS),
    st.builds("[{}.{}]".format, KEYS, KEYS),
    st.builds('"{}" = {}'.format, KEYS, VALUES),
    st.builds("{}.{} = {}".format, KEYS, KEYS, VALUES),
    st.text(max_size=12),
)


@given(st.lists(LINES, max_size=6))
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_text_gives_settings_or_problems(load: Load, lines: list[str]) -> None:
    """F-X01: whatever stands in the file, the answer is settings or a list of problems, never another error."""
    try:
        load("\n".join(lines).encode("utf-8", "surrogatepass"))
    except ConfigError as error:
        assert all(error.problems)  # noqa: PT017  # either outcome is right; this says what the second one must have


def test_importing_the_room_is_light() -> None:
    """Pydantic is imported when a file is read, not when the room is."""
    code = "import sys, trainwatch_core.config; print(*{'pydantic', 'pydantic_core', 'tzlocal'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert shown.stdout.split() == []
