"""What the person did not tell, said once in the first report."""

from __future__ import annotations

from trainwatch_core.model.round import View
from trainwatch_core.model.watch import Watch

_EXAMPLE = "tmux:gpu1/exp7"


def missing_lines(watch: Watch, view: View, launch: str = "") -> tuple[str, ...]:
    """One sentence for each thing that is not known, and what follows from it.

    Args:
        watch: Which watch.
        view: What is known of the run.
        launch: How it seems to have been launched; empty if nobody can guess.
    """
    context = watch.context
    lines = []
    if not (context.log_path or context.log_argv) and watch.run.kind != "log":
        lines.append("No fallback log is known: if W&B cannot be reached, I wait.")
    if not (context.baseline or context.baseline_runs):
        lines.append("No baseline is known: evals are held against their own past only.")
    if not (context.launch or context.stop_command):
        lines.append(launch_line(watch, launch))
    if not context.notes_path:
        lines.append("No notes file is known: no project note will be written.")
    if view.planned_steps is None:
        lines.append("The planned length is not known: neither time left nor forecast is given.")
    return tuple(lines)


def launch_line(watch: Watch, launch: str) -> str:
    """That nobody told how to stop the run, and what to say.

    Args:
        watch: Which watch.
        launch: How it seems to have been launched; empty if nobody can guess.
    """
    said = launch or _EXAMPLE
    how = f"launch {said} (in a terminal: trainwatch edit {watch.id} --launch {said})"
    if not launch:
        return f"Nobody told how to stop the run: I can only tell you. To change that, say how it was launched: {how}."
    return f"Nobody told how to stop the run. It seems to be {launch}; if that is right, tell me: {how}."
