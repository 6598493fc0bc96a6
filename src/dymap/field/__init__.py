"""The representation of a clip: a field that trains, a field that plays, and Frame, the field at one time."""
