"""The command line: one file a command; each parses, calls `dymap.runs` and prints."""

from __future__ import annotations

import io
import os
import sys
import warnings

from dymap._version import __version__
from dymap.cli.group import Group

COMMANDS = {
    "train": "Train a field on a capture.",
    "bake": "Bake a trained run into one file that plays.",
    "pack": "Write a baked file as a small one that streams.",
    "evaluate": "Measure a run on its test views.",
    "render": "Film the clip from any viewpoint.",
    "view": "Look at the clip in a browser.",
    "play": "Play the clip in a browser that draws it itself.",
    "export": "Write the clip with the page that plays it, to be given away.",
    "mesh": "Write the surface of each frame as a file.",
    "import-model": "Import a released model.",
    "info": "Say what a run, a capture or a baked file is, and what comes next.",
    "capture": "Make a capture of your own: a group of commands.",
    "clean": "Empty the cache of prepared images.",
    "presets": "List the presets.",
    "sample": "Write the built-in sample capture.",
    "demo": "Run everything once on the built-in sample.",
}
"""What the list of commands says of each."""


GROUP = Group(
    "dymap",
    "dymap.cli",
    "Volumetric video as dynamic MLP maps.",
    COMMANDS,
    groups=("capture",),
    note="dymap COMMAND --help explains its options; --quiet prints only errors and warnings; "
    "--debug shows where an error came from; dymap --version; docs/install.md: completion.",
)


QUIET = "--quiet"
"""An option of every command: only errors and warnings are printed."""


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
        print(f"dymap {__version__}" if words == ["--version"] else GROUP.help_text())
        raise SystemExit(0 if words else 2)

    try:
        from dymap.cli.console import console, exit_code, show_warning
    except KeyboardInterrupt:
        from dymap.config.choices import INTERRUPTED

        print("interrupted", file=sys.stderr)
        return INTERRUPTED

    warnings.showwarning = show_warning
    console.quiet = QUIET in words
    return exit_code(lambda: GROUP.run([word for word in words if word != QUIET]), debug)


if __name__ == "__main__":
    sys.exit(main())
