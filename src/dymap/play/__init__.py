"""What is played: a Video and its images, films, meshes, the demo's page and the viewer."""
