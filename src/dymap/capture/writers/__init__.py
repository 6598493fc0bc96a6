"""Writers: one file a layout on disk. Each writes any Source, and what it wrote is read back as the same capture."""
