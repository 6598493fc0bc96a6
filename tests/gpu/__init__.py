"""Pictures on a GPU: tests of `dymap.gpu`, which run on Mesa's driver in software."""
