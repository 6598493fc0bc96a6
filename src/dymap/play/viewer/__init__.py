"""The interactive viewer: a web server on this machine whose page shows a Video from any viewpoint, at any time.

The way of a picture:

    client    a browser's camera or a control moved: the client updates its state and puts a request into the queue
    queue     keeps the newest request of every client; when one is due it becomes a job
    server    the render thread takes the job and gives it to its client
    camera    the browser's view becomes a Camera, of few pixels if the picture is a draft
    picture   `Video.render`, then the layer that is shown, as bytes
    client    JPEG, to the browser

Events run in the server's event loop and all rendering in one thread; neither waits for the other.
"""
