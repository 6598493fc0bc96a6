"""The command line: one file a command; each parses, calls and prints."""

from __future__ import annotations

import re
import sys
import warnings
from typing import Any

import tyro


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code. Faults of the input become one sentence on stderr and exit code 1."""
    # Imported here, so that `import dymap` does not pay for the commands.
    from dymap.cli import bake, demo, evaluate, import_model, info, mesh, render, sample, train, view
    from dymap.cli.console import show_warning
    from dymap.errors import InputError
    from dymap.train.loop import NotFiniteError

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
    try:
        result = tyro.extras.subcommand_cli_from_dict(
            commands, prog="dymap", description="Volumetric video as dynamic MLP maps.", args=arguments
        )
    except (InputError, NotFiniteError) as error:
        print("error:", " ".join(str(error).splitlines()), file=sys.stderr)
        return 1
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not re.search("out of memory|allocate memory", str(error)):
            raise
        print(
            "error: not enough memory for this; ask for smaller images, fewer rays or a coarser lattice",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return int(result or 0)


if __name__ == "__main__":
    sys.exit(main())
