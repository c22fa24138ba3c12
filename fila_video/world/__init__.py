"""A small drawn world: videos whose contents are completely known, and questions about them with their answers."""
