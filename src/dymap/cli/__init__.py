"""The command line: one file a command; each parses, calls `dymap.runs` and prints."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable

import tyro

COMMANDS = ("train", "bake", "evaluate", "render", "view", "mesh", "import-model", "info", "sample", "demo")
"""Each is the function of this name, with _ for -, in the file of this name."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code. Faults of the input become one sentence on stderr and exit code 1."""
    # Imported here, so that whoever imports the command line's name does not pay for torch.
    from dymap.cli.console import exit_code, show_warning

    warnings.showwarning = show_warning
    words = sys.argv[1:] if arguments is None else arguments
    return exit_code(lambda: run(words))


def run(words: list[str]) -> int:
    """Parse and call. Wrong words end in SystemExit with code 2, as parsers do."""
    from dymap.cli.options import with_configuration

    if words and words[0] in COMMANDS:
        found = with_configuration(find(words[0]), words[1:])
        return tyro.cli(found.command, prog=f"dymap {words[0]}", description=found.description, args=found.words)
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
