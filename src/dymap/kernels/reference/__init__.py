"""Each operation once, in readable torch for any device and precision: the truth, with its docstring."""
