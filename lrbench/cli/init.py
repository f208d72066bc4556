"""`lrbench init`: a configuration file to start from, and the JSON Schema by which editors check one."""

import json
import textwrap
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from lrbench.cli.app import DONE, app
from lrbench.cli.effective import in_toml
from lrbench.cli.places import put, tell
from lrbench.foreign import STANDARD
from lrbench.options import TRAINING, Wish, in_file
from lrbench.outputs import write_new
from lrbench.show import printable

STARTER = "lrbench.toml"
HEAD = """\
# What lrbench compares: lrbench run -c {name}
#
# Every setting here is a comment and the default: take its # away and change it. The indented ones are examples.
# What is said in the environment (LRBENCH_EPOCHS=20) or as an option goes before this file.
"""


@app.command()
def init(
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help=f"Where to; - is stdout. [{STARTER}; a schema: stdout]")
    ] = None,
    *,
    schema: Annotated[
        bool, typer.Option("--schema", help="Write the JSON Schema of configuration files, for editors.")
    ] = False,
) -> int:
    """Write a configuration file to start from.

    It has every key that `lrbench run -c` reads, with its help, default and examples. Nothing is
    overwritten. Editors that know JSON Schema complete such files and check them: give the schema
    a file too, and name it in the first line of yours, #:schema lrbench.schema.json

    \b
    lrbench init
    lrbench init mine.toml
    lrbench init --schema lrbench.schema.json
    """
    path = Path(file if file is not None else STANDARD if schema else STARTER)
    content = schema_text() if schema else starter(STARTER if str(path) == STANDARD else path.name)
    if str(path) == STANDARD:
        put(content, path)
    else:
        write_new(path, content.encode())
        tell(path)
    return DONE


def starter(name: str = STARTER) -> str:
    """Return a configuration file that asks for nothing but the defaults, and says what can be asked for."""
    return HEAD.format(name=printable(name)) + "".join(f"\n{_described(wish)}" for wish in TRAINING.values())


def schema_text() -> str:
    """Return the JSON Schema of configuration files. It also stands in lrbench/data/config.schema.json."""
    return json.dumps(_schema(), indent=2, ensure_ascii=False) + "\n"


def _described(wish: Wish) -> str:
    said = textwrap.fill(wish.described, 110, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
    default = None if wish.default is None else f"{wish.name} = {in_toml(wish.default)}"
    examples = [f"{wish.name} = {in_file(example)}" for example in wish.examples]
    lines = [said, *(f"#   {each}" for each in examples if each != default)]
    lines += [f"# {default}"] if default else []
    return "\n".join(lines) + "\n"


def _schema() -> dict[str, Any]:
    from lrbench.config import Config

    made = Config.model_json_schema()
    rivals = [(wish.instead_of, wish.name) for wish in TRAINING.values() if wish.instead_of]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "lrbench",
        "description": "What `lrbench run -c FILE` reads.",
        "type": "object",
        "additionalProperties": False,
        "properties": {key: _property(wish, made["properties"][key]) for key, wish in TRAINING.items()},
        "allOf": [{"not": {"required": list(pair)}} for pair in rivals],
    }


def _property(wish: Wish, made: dict[str, Any]) -> dict[str, Any]:
    """Return a wish's schema: TOML has no null, so that what is left open is left out."""
    choices = [each for each in made.pop("anyOf", []) if each != {"type": "null"}]
    kind = choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else {}
    plain = {key: value for key, value in made.items() if key != "title" and (key, value) != ("default", None)}
    examples = [tomllib.loads(f"it = {in_file(example)}")["it"] for example in wish.examples]
    return {"title": wish.name, "description": wish.described, **kind, **plain, "examples": examples}
