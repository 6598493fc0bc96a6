"""The built-in sample capture: a dancer with a hula hoop, ray-traced exactly from analytic shapes."""

from dymap.sample.cameras import sample_cameras
from dymap.sample.figure import surface_points
from dymap.sample.render import render_view
from dymap.sample.write import write_sample

__all__ = ["render_view", "sample_cameras", "surface_points", "write_sample"]
