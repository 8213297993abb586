"""A run is a path: what lies there is read, and the report says by what."""

from __future__ import annotations

from trainwatch_core.testing.desk import Desk


def test_a_look_at_any_of_them_says_what_answered(desk: Desk) -> None:
    """As a run of its own, and as the fallback log of a W&B run that cannot be reached."""
    (desk.folder / "trainwatch.toml").write_text('[wandb]\nbase_url = "http://127.0.0.1:9"\ntimeout = "3s"\n')
    table = desk.folder / "metrics.csv"
    table.write_text("step,train_loss\n" + "".join(f"{n},{3 - n / 100}\n" for n in range(100)))
    for words in (("check", str(table)), ("check", "lab/vision/r1", "--log", str(table))):
        done = desk.run(*words)
        assert "Data source: log_fallback (csv)" in done.stdout, done.stdout + done.stderr
        assert "train_loss 2.01" in done.stdout
