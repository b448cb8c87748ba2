from __future__ import annotations

import pytest
import typer

from tests.commands import commands_in, mentions_in, parse, unknown_words


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("    fsd-gen render --shards 3   # three", ["fsd-gen render --shards 3"]),
        ("$ fsd-gen info runs/a", ["fsd-gen info runs/a"]),
        ("#   fsd-gen info runs/a", ["fsd-gen info runs/a"]),
        ("\t$(BIN)/fsd-gen preview $(RUN)/a --out $(RUN)/p.png", ["fsd-gen preview 1/a --out 1/p.png"]),
        ("\t@.venv/bin/fsd-curate status $(RUN)", ["fsd-curate status 1"]),
        ("fsd-gen render \\\n    --shards 3 \\\n  --out a", ["fsd-gen render --shards 3 --out a"]),
        ("#  fsd-gen render \\\n#    --shards 3", ["fsd-gen render --shards 3"]),
        ("fsd-gen info a && fsd-curate status a; fsd-gen verify a", ["fsd-gen info a", "fsd-curate status a",
                                                                   "fsd-gen verify a"]),
        ("#  ray exec c.yaml 'cd /d && fsd-gen info /d/run --x auto'", ["fsd-gen info /d/run --x auto"]),
        ("  entrypoint: fsd-gen info /d", ["fsd-gen info /d"]),
        ('fsd-gen render "$shards" --out "${OUT}" --address "$ip:$port" "$@" &',
         ["fsd-gen render 1 --out 1 --address 1:1"]),
        ("CUDA_VISIBLE_DEVICES=0 exec fsd-stereo models > log 2>&1", ["fsd-stereo models"]),
        ("fsd-gen info a 2> log", ["fsd-gen info a"]),
        ("docker run --rm -v /d:/d fsd-gen:1 fsd-gen info /d/run", ["fsd-gen info /d/run"]),
        ("fsd-gen render --shards SHARDS [--out RUN_DIR] ...", ["fsd-gen render --shards 1 --out 1"]),
        ("fsd-gen stage '<run>:0000003-a0' -o 'a b.usdz'", ["fsd-gen stage 1:0000003-a0 -o 'a b.usdz'"]),
        ("[more options of fsd-gen render]", []),
        ("The project fsd-gen is about", []),
        ("see `fsd-gen render --address`", []),
        ("~/.cache/fsd-gen/assets and fsd-gen[onnx] and fsd-gen.", []),
    ],
)  # fmt: skip
def test_commands_are_found_as_a_shell_would_split_them(text, commands):
    def quoted(words: list[str]) -> str:
        return " ".join(f"'{word}'" if " " in word else word for word in words)

    assert [quoted(words) for words in commands_in(text)] == commands


def test_mentions_are_code_in_running_text():
    text = "Use `fsd-gen render --address` or `fsd-gen assets fetch PACK`; `fsd-gen` alone is no command."
    assert mentions_in(text) == [["fsd-gen", "render", "--address"], ["fsd-gen", "assets", "fetch", "1"]]


def test_a_right_command_is_read_without_being_run():
    assert parse(["fsd-gen", "render", "--shards", "3"])["shards"] == 3
    assert parse(["fsd-gen", "assets", "fetch", "builtin", "--force"])["packs"] == ["builtin"]
    assert parse(["fsd-curate", "--help"]) == {}


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("fsd-gen render 1000 --out a", "Missing parameter: shards"),
        ("fsd-gen rendre", "No such command 'rendre'"),
        ("fsd-gen assets get builtin", "No such command 'get'"),
        ("fsd-gen render --shards 3 --ouput a", "No such option.*--ouput"),
        ("fsd-gen render --shards three", "valid integer"),
    ],
)
def test_a_wrong_command_is_the_error_that_a_user_would_see(command, complaint):
    with pytest.raises(typer.BadParameter.__base__, match=complaint):
        parse(command.split())


def test_unknown_words_of_a_mention_are_named():
    assert unknown_words(["fsd-gen", "render", "--address"]) == []
    assert unknown_words(["fsd-gen", "assets", "fetch", "builtin", "--forse"]) == ["--forse"]
    assert unknown_words(["fsd-gen", "assets", "get"]) == ["get"]
