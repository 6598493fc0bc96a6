"""Images of a Frame: renderers that are exact, march through what is occupied, or take shortcuts."""
