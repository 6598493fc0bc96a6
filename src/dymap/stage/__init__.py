"""The stage's other end: a web server on this machine that draws a clip for the page (`web/`), from any viewpoint.

The way of a picture:

    guard     who may ask: this machine's pages, or whoever has the link with the token
    client    a browser's text comes in; only so many of its pictures are on their way at once
    message   the text becomes a View: every number is looked at
    desk      whose turn it is: one thread draws for all, drafts while a view moves, the full picture when it rests
    pace      how large a draft may be, so that there are enough of them
    view      the View becomes a Camera of so many pixels
    subject   what is shown: a baked clip, or a field in training; it gives the renderer of a frame
    painting  a layer of its image as bytes, at once or in bands
    picture   the bytes as a JPEG
    client    to the browser

The server's event loop and the drawing thread never wait for each other.
"""
