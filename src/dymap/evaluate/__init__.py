"""How close a video comes to what held-out cameras filmed: the paper's protocol, its metrics, and a report."""
