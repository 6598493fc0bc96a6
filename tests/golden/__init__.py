"""Golden arrays: numbers computed by the published implementation, and where they are found."""
