"""The program `events`: one subscription to what happens, fanned out to any number of browsers and programs.

    event       one thing that happened, as bytes that are made once for all readers
    hub         the readers and the last thousand events: who may see what, and who missed something
    access      whose stream it is: session or personal token, checked off the loop, and again every two seconds
    sources     where events come from: `sip`, the database, supervisor
    http        GET /api/events/stream behind nginx, as Server-Sent Events
    program     builds and joins them; the control socket for the command line

Streams never hold a thread of the admin app (rulings: streams). A lost event loses nothing: a page asks anew when it
is told, and by itself now and then.
"""
