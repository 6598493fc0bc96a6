"""The hot loops in plain torch: readable, differentiable, any device. What they compute is the truth."""
