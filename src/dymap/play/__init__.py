"""What is played: a Video and its images, films, meshes and the demo's page."""
