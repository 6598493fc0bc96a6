"""Commands in a group: which file holds which, what there is to be called, and calling it."""

from __future__ import annotations

import difflib
import importlib
import keyword
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Union


@dataclass(frozen=True)
class Group:
    """Commands that begin with the same words.

    prog: these words. package: the folder of their files. commands: name -> what the list says of it; each is the
    function of this name, with _ for - (and one more behind a word of Python's own), in the file of this name. groups:
    those of the commands that are groups themselves, whose package holds them as GROUP. note: the list's last line.
    """

    prog: str
    package: str
    description: str
    commands: Mapping[str, str]
    groups: tuple[str, ...] = ()
    note: str = ""

    def help_text(self) -> str:
        """What there is to be called."""
        width = max(map(len, self.commands))
        commands = "\n".join(f"  {name:<{width}}  {sentence}" for name, sentence in self.commands.items())
        note = self.note or f"{self.prog} COMMAND --help explains its options."
        return f"usage: {self.prog} COMMAND ...\n\n{self.description}\n\n{commands}\n\n{note}"

    def find(self, command: str) -> Callable[..., int]:
        """The function of a command; only its file is imported."""
        name = command.replace("-", "_")
        name += "_" if keyword.iskeyword(name) else ""
        return getattr(importlib.import_module(f"{self.package}.{name}"), name)

    def group(self, command: str) -> Group:
        """The group of a command that is one."""
        return importlib.import_module(f"{self.package}.{command}").GROUP

    def run(self, words: list[str]) -> int:
        """Parse and call. Wrong words end in SystemExit with code 2, as parsers do."""
        if not words or words[0] in ("-h", "--help"):
            print(self.help_text())
            raise SystemExit(0 if words else 2)
        if words[0] in self.groups:
            return self.group(words[0]).run(words[1:])
        import tyro

        from dymap.cli.options import with_configuration

        if words[0] in self.commands:
            found = with_configuration(self.find(words[0]), words[1:])
            prog = f"{self.prog} {words[0]}"
            return tyro.cli(found.command, prog=prog, description=found.description, args=found.words)
        if words[0].startswith("--tyro-"):
            return tyro.cli(self.all(), prog=self.prog, description=self.description, args=words)
        nearest = difflib.get_close_matches(words[0], self.commands, 1, 0)[0]
        print(
            f"error: no command {words[0]!r}; the nearest is {nearest!r}; {self.prog} --help lists all", file=sys.stderr
        )
        raise SystemExit(2)

    def all(self) -> Any:
        """A type that is made by any of the commands, for shells that complete them."""
        import tyro

        made = [
            Annotated[Any, tyro.conf.subcommand(name=name, constructor=self._constructor(name))]
            for name in self.commands
        ]
        return Union[(*made, Annotated[None, tyro.conf.Suppress])]

    def _constructor(self, command: str) -> Callable[..., Any]:
        if command not in self.groups:
            return self.find(command)

        def choose(chosen: Any) -> Any:
            return chosen

        choose.__annotations__["chosen"] = self.group(command).all()
        return choose
