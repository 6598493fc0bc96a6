"""A baked video: what a clip is once it is trained, and the files that hold one."""
