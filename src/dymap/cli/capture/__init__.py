"""dymap capture: from what was filmed to a capture that trains."""

from __future__ import annotations

from dymap.cli.group import Group

COMMANDS = {
    "import": "Make a capture of the videos of several cameras.",
    "masks": "Make masks: what is foreground in each picture.",
    "check": "Say what is wrong with a capture, and mend what is certain.",
    "convert": "Write a capture in another layout.",
}
"""What the list of commands says of each."""

GROUP = Group("dymap capture", "dymap.cli.capture", "From what was filmed to a capture that trains.", COMMANDS)
