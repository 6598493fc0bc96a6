"""The built-in sample capture: a dancer with a hula hoop, ray-traced exactly from analytic shapes."""

from dymap.capture.sample.cameras import sample_cameras
from dymap.capture.sample.figure import surface_points
from dymap.capture.sample.render import render_view
from dymap.capture.sample.write import write_sample

__all__ = ["render_view", "sample_cameras", "surface_points", "write_sample"]
