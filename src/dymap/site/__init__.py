"""The page for elsewhere: its modules as one script, a folder for any web server, one file, and a server for both."""
