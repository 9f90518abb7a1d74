"""The page that people open: pictures of the newest export in one file that needs neither network nor server."""
