"""Nothing secret and nothing invisible leaves."""

from __future__ import annotations

import random
import re
import string
import time
from dataclasses import replace

import pytest

from trainwatch_core.report import redact as redacting
from trainwatch_core.report.redact import RULES, clean, plain, redact


def _of(alphabet: str, count: int, seed: int = 7) -> str:
    return "".join(random.Random(seed).choices(alphabet, k=count))


ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
PEM_BODY = "\n".join(_of(ALNUM + "+/", 64, seed) for seed in range(4))

SECRETS = {
    "wandb classic": (f"wandb login {_of(HEX, 40)}", _of(HEX, 40)),
    "wandb local": (f"key local-{_of(HEX, 40)}", _of(HEX, 40)),
    "wandb v1": (f"WANDB_API_KEY is wandb_v1_{_of(ALNUM, 60)}", _of(ALNUM, 60)),
    "hugging face": (f"using hf_{_of(ALNUM, 34)} for the hub", _of(ALNUM, 34)),
    "openai": (f"client(sk-proj-{_of(ALNUM, 40)}1)", _of(ALNUM, 40)),
    "aws id": (f"AKIA{_of(string.ascii_uppercase, 16)}", _of(string.ascii_uppercase, 16)),
    "aws secret": (f"aws_secret_access_key = {_of(ALNUM + '/+', 40)}", _of(ALNUM + "/+", 40)),
    "slack bot": (f"xoxb-1234567890-{_of(ALNUM, 24)}", _of(ALNUM, 24)),
    "slack app": (f"xapp-1-A0-{_of(HEX, 64)}", _of(HEX, 64)),
    "slack webhook": (f"POST https://hooks.slack.com/services/T0/B0/{_of(ALNUM, 24)}", _of(ALNUM, 24)),
    "github": (f"git clone with ghp_{_of(ALNUM, 36)}", _of(ALNUM, 36)),
    "github fine": (f"github_pat_{_of(ALNUM, 22)}_{_of(ALNUM, 59)}", _of(ALNUM, 59)),
    "gitlab": (f"glpat-{_of(ALNUM, 20)}", _of(ALNUM, 20)),
    "jwt": (f"eyJ{_of(ALNUM, 20)}.eyJ{_of(ALNUM, 40)}.{_of(ALNUM, 43)}", _of(ALNUM, 43)),
    "pem": (f"-----BEGIN RSA PRIVATE KEY-----\n{PEM_BODY}\n-----END RSA PRIVATE KEY-----", PEM_BODY[70:120]),
    "pem of short lines": ("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIIabcdef\n-----END EC PRIVATE KEY-----", "MHcCAQ"),
    "pem never closed": (f"x\n-----BEGIN PRIVATE KEY-----\n{PEM_BODY}\nrest", PEM_BODY[:64]),
    "pem without its head": (f"{PEM_BODY}\n-----END PRIVATE KEY-----", PEM_BODY[:64]),
    "url": ("fetching https://bob:hunter2@data.example/x.tar", "hunter2"),
    "password": ("password=hunter2", "hunter2"),
    "password of digits": ("PGPASSWORD=12345678", "12345678"),
    "password in json": ('{"db_password": "zz top"}', "top"),
    "api key": ("my_api_key: abcd-efgh-ijkl", "abcd-efgh"),
    "client secret": ("client_secret='0a1b2c3d4e'", "0a1b2c3d4e"),
    "token": ("auth_token=Zm9vYmFyMTIz", "Zm9vYmFyMTIz"),
    "flag": ("python x.py --db-password hunter22 --lr 1", "hunter22"),
    "bearer": ("Authorization: Bearer abcdef.ghijkl-mnop", "abcdef"),
    "basic": ('{"authorization": "Basic Ym9iOmh1bnRlcjI="}', "Ym9iOmh1bnRlcjI"),
    "cookie": ("Set-Cookie: session=abc; path=/", "session=abc"),
    "google": (f"AIza{_of(ALNUM, 35)}", _of(ALNUM, 35)),
    "npm": (f"npm_{_of(ALNUM, 36)}", _of(ALNUM, 36)),
    "pypi": (f"pypi-AgEIcHlwaS5vcmc{_of(ALNUM, 60)}", _of(ALNUM, 60)),
    "telegram": (f"bot 123456789:AA{_of(ALNUM, 33)}", _of(ALNUM, 33)),
    "databricks": (f"dapi{_of(HEX, 32)}", _of(HEX, 32)),
}

INNOCENT = (
    "step=100 loss=0.5 tokens_per_sec=812345 num_tokens=1e6",
    "{'loss': 0.5, 'grad_norm': nan, 'learning_rate': 1e-4, 'epoch': 0.1}",
    "tokens: 123,456,789 token: 5 tokens_per_second=12,345 token=1.5e+06",
    "pad_token: <pad> eos_token='</s>' unk_token=[UNK] pad_token_id=0 tokenizer: gpt2",
    "next token accuracy: 0.53, token loss: 2.1, token_acc=0.9",
    "2024-06-07 10:11:12,345 - INFO - Epoch 3/20, Train Loss: 0.8125, Test Acc: 71.50%",
    "I0305 09:10:11.123456 4242 net.cpp:226] loss needs backward computation.",
    "saved to /data/runs/2024-01-01/checkpoint-1000/model-00001-of-00004.safetensors",
    "https://wandb.ai/team/project/runs/ab12cd34",
    "sha256:" + "0123456789abcdef" * 4,
    "secrets of the model: none",
    "password: ",
    "password=None api_key=null token=None",
    "using sk-learn-contrib-extra-tools",
    "hf_model=bert hf_hub",
    "==================================================================",
    "a b:c@d, mail bob@example.org, 10:20@30",
    "layer eyJ. x.y.z npm install pypi-server",
    "api_key_count=3 secret_layers=12 credentials: 123456 api_key=1.25e+06 token=8123456789",
    "cookies are eaten, the bearer of news",
    " 50%|█████     | 500/1000 [00:10<00:10, 50.0it/s, loss=0.3]",
)


@pytest.mark.parametrize("kind", SECRETS)
def test_a_planted_secret_does_not_survive(kind: str) -> None:
    """F-I06: Each kind of secret is hidden, alone and in the middle of a log, and what was hidden is said."""
    line, secret = SECRETS[kind]
    assert secret in line
    for text in (line, f"step 1 loss 0.5\n{line}\nstep 2 loss 0.4"):
        assert secret not in redact(text)
        assert "[redacted: " in redact(text)


@pytest.mark.parametrize("line", INNOCENT)
def test_an_innocent_line_stays_as_it_is(line: str) -> None:
    """Metrics, names, paths and addresses without a password are not touched."""
    assert redact(line) == line


def test_what_stands_around_a_secret_stays() -> None:
    """A reader still sees which key was there, of which user, at which host."""
    assert redact("https://bob:hunter2@host/x") == "https://[redacted: password]@host/x"
    assert redact("lr=1 db_password='x y' z") == "lr=1 db_password='[redacted: password]' z"
    lines = redact(f"a\n{SECRETS['pem'][0]}\nb").split("\n")
    assert lines == ["a", "[redacted: private key]", "b"]


def test_redacting_twice_is_redacting_once() -> None:
    """Text that is redacted at several doors does not change any more."""
    for line, _ in SECRETS.values():
        assert redact(redact(line)) == redact(line)


@pytest.mark.parametrize("index", range(len(RULES)))
def test_every_rule_is_needed(index: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rule of the table hides a secret that all others together would let through."""
    never = replace(RULES[index], pattern=re.compile(r"(?!)"))
    monkeypatch.setattr(redacting, "RULES", (*RULES[:index], never, *RULES[index + 1 :]))
    assert any(secret in redact(line) for line, secret in SECRETS.values())


PIECES = ["a", "0", ":", "://", "a://", "a:", "token", "token:", "password=", "--a-", "eyJ", "eyJaaaaaaaa.", "cookie:"]
PIECES += [
    "xoxb.xoxb",
    "\x1b[",
    "\x1b]",
    "A1",
    "sk-",
    "1:AA",
    "-----BEGIN",
    "hooks.slack.com/services/a",
    "api_key",
    "=>",
]
PIECES += [" ", "\t", "\r\n", "--token ", "bearer ", "-----BEGIN RSA PRIVATE KEY-----", "secret_", "[redacted"]


@pytest.mark.parametrize("piece", PIECES)
def test_a_hostile_line_costs_linear_time(piece: str) -> None:
    """F-L08: No pattern goes back over a long line again and again: 64 KiB of anything take a moment."""
    text = piece * (65536 // len(piece))
    start = time.process_time()
    redact(text)
    clean(text)
    assert time.process_time() - start < 2.0


def test_a_cleaned_line_holds_nothing_that_is_obeyed_or_not_seen() -> None:
    """F-L05: Escapes, controls, bidi overrides, zero-width and tag characters go; the words stay."""
    hostile = "\x1b[31mloss\x1b[0m \x1b]0;title\x07is\x00\x08 \u202eNaN\u202c\u200b"
    hostile += " \u2066x\u2069\U000e0041\ud800\x9b1m\ufeff!"
    assert clean(hostile) == "loss is NaN x!"
    assert clean("a\tb\r\nc") == "a b c"
    assert plain("a\tb\nc") == "a\tb\nc"
    assert clean("größe 损失 🛑 val_loss") == "größe 损失 🛑 val_loss"
    clean(hostile).encode()


def test_a_long_line_is_cut_visibly() -> None:
    """A name or a line never grows beyond its limit, and the cut shows."""
    assert clean("x" * 500, 100) == "x" * 99 + "…"
    assert len(clean("x" * 10_000_000)) == 300
    assert clean("x" * 100, 100) == "x" * 100
    assert clean("x  y", 3) == "x…"
    assert clean("xy", 0) == "…"


def test_an_escape_inside_a_key_does_not_hide_it() -> None:
    """F-I06: what a terminal swallows must not stand between a key and the rule that knows it."""
    key = "hf_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3f"
    for hidden in (f"\x1b[31m{key}", key[:9] + "\x1b[0m" + key[9:], key[:9] + "\u200b" + key[9:]):
        assert "jK9mN1" not in redact(hidden)


def test_a_sequence_that_begins_with_one_byte_goes_too() -> None:
    """The eight-bit form of ESC [ is obeyed by terminals as well."""
    assert plain("loss \x9b31m0.5\x9b0m") == "loss 0.5"
    assert plain("loss \x1b[31m0.5") == "loss 0.5"
