"""The command line: one file a command; each parses, calls and prints."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import tyro


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code. Faults of the input become one sentence on stderr and exit code 1."""
    # Imported here, so that `import dymap` does not pay for the commands.
    from dymap.cli import bake, demo, evaluate, import_model, info, mesh, render, sample, train, view
    from dymap.cli.console import exit_code, show_warning

    warnings.showwarning = show_warning
    commands: dict[str, Any] = {
        "train": train.train,
        "bake": bake.bake,
        "evaluate": evaluate.evaluate,
        "render": render.render,
        "view": view.view,
        "mesh": mesh.mesh,
        "import-model": import_model.import_model,
        "info": info.info,
        "sample": sample.sample,
        "demo": demo.demo,
    }
    return exit_code(
        lambda: tyro.extras.subcommand_cli_from_dict(
            commands, prog="dymap", description="Volumetric video as dynamic MLP maps.", args=arguments
        )
    )


if __name__ == "__main__":
    sys.exit(main())
