"""Records, screens, pages and figures of results that were computed in Python."""
