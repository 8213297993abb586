"""Nothing secret and nothing invisible leaves: `redact` hides keys and passwords, `clean` what a screen would obey.

A table of bounded, linear patterns. Most have hints, substrings without which they cannot match: an ordinary line has
none of them and costs little. It is meant to hide rather too much (a git commit of 40 hex digits looks like a W&B
key) and to leave numbers alone (`tokens_per_sec=812345`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_HIDDEN = "[redacted: {}]"
_B64 = r"[A-Za-z0-9+/]"
_FREE = r"(?<![A-Za-z0-9_])"  # not in the middle of a word
_GIVEN = r"[\"']?\s{0,4}(?:=>|[=:])\s{0,4}[\"']?"
_VALUE = r"(?:(?<=[\"'])[^\"'\r\n]{1,512}|[^\s\"',;&)}\]]{%d,512})"  # to the closing quote, or one word
_SHOWN = r"(?![\[<$])(?!(?:none|null|true|false|nil)\b|\*{3})"  # hidden already, a placeholder, or no value
_NO_NUMBER = r"(?![-+]?[0-9][0-9.,_]{0,40}(?:e[-+]?[0-9]{1,4})?(?![\w.\-+/=]))"


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of secret.

    Attributes:
        label: What the reader is told was there.
        hints: The pattern cannot match a text that holds none of these; compared in lower case.
        pattern: What is hidden; where it has the group `keep`, that part (always in front) stays.
    """

    label: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]

    def replace(self, match: re.Match[str]) -> str:
        """What stands in the place of a match."""
        return match.groupdict().get("keep", "") + _HIDDEN.format(self.label)


def _rule(label: str, hints: str, pattern: str) -> Rule:
    return Rule(label, tuple(hints.split()), re.compile(pattern))


RULES: tuple[Rule, ...] = (
    # A block that is never closed hides all that follows: better than half a key.
    _rule(
        "private key",
        "-----begin",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    ),
    # The body of such a block whose first line was cut off.
    _rule(
        "key material",
        "",
        rf"(?m)^(?=[^\n]{{0,80}}[0-9])(?=[^\n]{{0,80}}[A-Z])[ \t]{{0,8}}{_B64}{{60,76}}={{0,2}}[ \t\r]{{0,8}}$",
    ),
    _rule("wandb key", "wandb_v1_", rf"{_FREE}wandb_v1_[A-Za-z0-9_\-]{{16,256}}"),
    _rule("wandb key", "", r"(?<![A-Za-z0-9])[0-9a-fA-F]{40}(?![A-Za-z0-9])"),
    _rule("Hugging Face token", "hf_ api_org_", rf"{_FREE}(?:hf|api_org)_[A-Za-z0-9]{{20,128}}"),
    _rule("API key", "sk-", rf"{_FREE}sk-(?=[A-Za-z_\-]{{0,80}}[0-9])[A-Za-z0-9_\-]{{16,256}}"),
    _rule("AWS key", "akia asia", rf"{_FREE}(?:AKIA|ASIA)[A-Z0-9]{{16}}(?![A-Z0-9])"),
    _rule("Slack token", "xox xapp-", rf"{_FREE}(?:xox[a-z](?:\.xox[a-z])?|xapp)-[A-Za-z0-9\-]{{8,256}}"),
    _rule(
        "webhook",
        "hooks. webhooks/",
        r"(?:hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)|discord(?:app)?\.com/api/webhooks)"
        r"/[A-Za-z0-9_/\-]{8,256}",
    ),
    _rule(
        "GitHub token",
        "gh github_pat_",
        rf"{_FREE}(?:gh[pousr]|github_pat)_[A-Za-z0-9_]{{22,255}}",
    ),
    _rule(
        "JWT", "eyj", rf"{_FREE}eyJ[A-Za-z0-9_\-]{{8,4096}}\.[A-Za-z0-9_\-]{{8,8192}}(?:\.[A-Za-z0-9_\-]{{0,4096}})?"
    ),
    _rule("Google key", "aiza ya29.", rf"{_FREE}(?:AIza[A-Za-z0-9_\-]{{35}}|ya29\.[A-Za-z0-9_\-]{{20,512}})"),
    _rule("package registry token", "npm_ pypi-", rf"{_FREE}(?:npm_[A-Za-z0-9]{{36}}|pypi-[A-Za-z0-9_\-]{{40,512}})"),
    _rule(
        "API key",
        "glpat- sg. sk_ rk_ dapi r8_ gsk_ dop_v1_ lin_api_ xai-",
        rf"{_FREE}(?:glpat-[A-Za-z0-9_\-]{{16,64}}|SG\.[A-Za-z0-9_\-]{{16,64}}\.[A-Za-z0-9_\-]{{16,128}}"
        r"|[sr]k_(?:live|test)_[A-Za-z0-9]{16,128}|dapi[0-9a-f]{32}|r8_[A-Za-z0-9]{30,64}"
        r"|gsk_[A-Za-z0-9]{30,128}|dop_v1_[0-9a-f]{64}|lin_api_[A-Za-z0-9]{30,64}|xai-[A-Za-z0-9]{30,128})",
    ),
    _rule("bot token", "aa", r"(?<![A-Za-z0-9])[0-9]{8,10}:AA[A-Za-z0-9_\-]{33}(?![A-Za-z0-9_\-])"),
    _rule(
        "password", "://", r"(?P<keep>[A-Za-z][A-Za-z0-9+.\-]{0,20}://)[^\s/@:'\"<>]{0,128}:[^\s/@'\"<>]{1,256}(?=@)"
    ),
    _rule(
        "authorization",
        "bearer authorization",
        r"(?i)(?P<keep>authorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?:(?:bearer|basic|token)\s{1,4})?|bearer\s{1,4})"
        r"[A-Za-z0-9._~+/=\-]{12,4096}",
    ),
    _rule("cookie", "cookie", r"(?i)(?P<keep>(?:set-)?cookie\s{0,4}:\s{0,4})[^\r\n]{1,4096}"),
    _rule(
        "password",
        "passw passphrase",
        rf"(?i)(?P<keep>pass(?:word|wd|phrase)s?{_GIVEN}){_SHOWN}{_VALUE % 1}",
    ),
    _rule(
        "secret",
        "secret api key credential",
        r"(?i)(?P<keep>(?:secret|(?:api|access|account|private|secret)[_\-]?key|credential)s?"
        rf"(?:[_\-](?:key|id|value))?{_GIVEN}){_SHOWN}{_NO_NUMBER}{_VALUE % 4}",
    ),
    _rule(
        "secret",
        "--",
        r"(?i)(?P<keep>--(?:[a-z]{1,20}[_\-]){0,3}(?:pass|password|passphrase|secret|api[_\-]?key|token|auth)"
        r"(?:=|\s{1,4}))"
        r"(?!\[redacted)(?!-)[^\s\"',;]{4,512}",
    ),
    # Singular only; a special token of a tokenizer (<pad>, [UNK]) and a word without a digit are no tokens.
    _rule(
        "token",
        "token",
        rf"(?i)(?P<keep>token{_GIVEN}){_SHOWN}{_NO_NUMBER}"
        r"(?=[^\s\"',;&)}\]]{0,64}[0-9])[A-Za-z0-9][^\s\"',;&)}\]]{7,512}",
    ),
)


_HINTS = tuple((hint, index) for index, rule in enumerate(RULES) for hint in rule.hints)
_HINTLESS = frozenset(index for index, rule in enumerate(RULES) if not rule.hints)


def redact(text: str) -> str:
    """The text with everything that looks like a secret replaced by `[redacted: <kind>]`. Linear in its length.

    Args:
        text: One or many lines. Give lines that belong together in one text: a private key spans several.

    Characters that are not shown are taken out first (`plain`): an escape in the middle of a key would hide it here and
    be removed later.
    """
    text = plain(text)
    lowered = text.lower()
    due = {index for hint, index in _HINTS if hint in lowered}
    for index in sorted(due | _HINTLESS):
        text = RULES[index].pattern.sub(RULES[index].replace, text)
    return text


_ANSI = re.compile(
    r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]"  # CSI: colours, cursor
    r"|\x1b[\]PX^_][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)?"  # OSC and other strings: titles, links
    r"|\x1b[ -/]{0,4}[0-~]?"
    r"|\x9b[0-?]{0,64}[ -/]{0,8}[@-~]"
)
# C0 and C1 controls; soft hyphen; zero-width, bidi marks, embeddings, overrides and isolates; line and paragraph
# separators; byte order mark; interlinear marks; tag characters; lone surrogates (they raise when they are sent).
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_BREAKS = re.compile(r"[\t\r\n]{1,4096}")


def plain(text: str) -> str:
    """The text without what a terminal or a browser would obey or not show; line breaks and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSEEN.sub("", _ANSI.sub("", text) if "\x1b" in text or "\x9b" in text else text)


def clean(text: str, limit: int = 300) -> str:
    """One line that can be shown to people: `plain`, line breaks and tabs as spaces, at most `limit` characters.

    Args:
        text: Anything.
        limit: Characters; a longer text is cut and ends with an ellipsis.
    """
    line = _BREAKS.sub(" ", plain(text[: 16 * limit + 4096])).strip()
    return line if len(line) <= limit else line[: max(0, limit - 1)].rstrip() + "…"
