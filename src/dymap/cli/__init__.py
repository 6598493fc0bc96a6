"""The command line: one file a command; each parses, calls `dymap.runs` and prints."""

from __future__ import annotations

import difflib
import importlib
import io
import os
import sys
import warnings
from collections.abc import Callable

from dymap._version import __version__

COMMANDS = {
    "train": "Train a field on a capture.",
    "bake": "Bake a trained run into one file that plays.",
    "evaluate": "Measure a run on its test views.",
    "render": "Film the clip from any viewpoint.",
    "view": "Look at the clip in a browser.",
    "mesh": "Write the surface of each frame as a file.",
    "import-model": "Import a released model.",
    "info": "Say what a run, a capture or a baked file is, and what comes next.",
    "clean": "Empty the cache of prepared images.",
    "presets": "List the presets.",
    "sample": "Write the built-in sample capture.",
    "demo": "Run everything once on the built-in sample.",
}
"""Each is the function of this name, with _ for -, in the file of this name; and what the list of commands says."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code. Faults of the input become one sentence on stderr and exit code 1.

    `--debug`, or DYMAP_DEBUG in the environment, shows where an error came from.
    """
    for stream in (sys.stdout, sys.stderr):  # a terminal without a letter shows it escaped
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    given = sys.argv[1:] if arguments is None else arguments
    words = [word for word in given if word != "--debug"]
    debug = len(words) < len(given) or bool(os.environ.get("DYMAP_DEBUG"))
    if not words or words[0] in ("-h", "--help", "--version"):  # answered before anything large is imported
        print(f"dymap {__version__}" if words == ["--version"] else help_text())
        raise SystemExit(0 if words else 2)

    try:
        from dymap.cli.console import exit_code, show_warning
    except KeyboardInterrupt:
        from dymap.config.choices import INTERRUPTED

        print("interrupted", file=sys.stderr)
        return INTERRUPTED

    warnings.showwarning = show_warning
    return exit_code(lambda: run(words), debug)


def help_text() -> str:
    """What there is to be called."""
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:<{width}}  {sentence}" for name, sentence in COMMANDS.items())
    return (
        "usage: dymap COMMAND ...\n\nVolumetric video as dynamic MLP maps.\n\n"
        f"{commands}\n\ndymap COMMAND --help explains its options; dymap --version; docs/install.md: completion.\n"
        "--debug after a command shows where an error came from."
    )


def run(words: list[str]) -> int:
    """Parse and call. Wrong words end in SystemExit with code 2, as parsers do."""
    import tyro

    from dymap.cli.options import with_configuration
    from dymap.errors import InputError

    if "" in words:
        raise InputError("an option or a path is empty; is a variable of the shell that should hold it not set?")

    if words[0] in COMMANDS:
        found = with_configuration(find(words[0]), words[1:])
        return tyro.cli(found.command, prog=f"dymap {words[0]}", description=found.description, args=found.words)
    if not words[0].startswith("--tyro-"):
        nearest = difflib.get_close_matches(words[0], COMMANDS, 1, 0)[0]
        print(f"error: no command {words[0]!r}; the nearest is {nearest!r}; dymap --help lists all", file=sys.stderr)
        raise SystemExit(2)
    return tyro.extras.subcommand_cli_from_dict(
        {name: find(name) for name in COMMANDS},
        prog="dymap",
        description="Volumetric video as dynamic MLP maps.",
        args=words,
    )


def find(command: str) -> Callable[..., int]:
    """The function of a command; only its file is imported."""
    name = command.replace("-", "_")
    return getattr(importlib.import_module(f"dymap.cli.{name}"), name)


if __name__ == "__main__":
    sys.exit(main())
