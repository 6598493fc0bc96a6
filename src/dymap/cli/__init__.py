"""The command line: one file a command; each parses, calls `dymap.runs` and prints."""

from __future__ import annotations

import sys
import warnings

from dymap._version import __version__
from dymap.cli.group import Group

COMMANDS = {
    "train": "Train a field on a capture.",
    "bake": "Bake a trained run into one file that plays.",
    "evaluate": "Measure a run on its test views.",
    "render": "Film the clip from any viewpoint.",
    "view": "Look at the clip in a browser.",
    "mesh": "Write the surface of each frame as a file.",
    "import-model": "Import a released model.",
    "info": "Say what a run, a capture or a baked file is, and what comes next.",
    "capture": "Make a capture of your own: a group of commands.",
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
    note="dymap COMMAND --help explains its options; dymap --version; docs/install.md: completion.",
)


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code. Faults of the input become one sentence on stderr and exit code 1."""
    words = sys.argv[1:] if arguments is None else arguments
    if not words or words[0] in ("-h", "--help", "--version"):  # answered before anything large is imported
        print(f"dymap {__version__}" if words == ["--version"] else GROUP.help_text())
        raise SystemExit(0 if words else 2)

    from dymap.cli.console import exit_code, show_warning

    warnings.showwarning = show_warning
    return exit_code(lambda: GROUP.run(words))


if __name__ == "__main__":
    sys.exit(main())
