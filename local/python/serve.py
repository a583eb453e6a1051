"""Serves the embedded cloud: `serve.py <TLS port> <plain port> <certificate> <key>`, on loopback only.

uvicorn with the HTTP parser and event loop written in C takes a third less processor time per call than Hypercorn,
MiniStack's own server.
"""

import asyncio
import sys

import uvicorn
from emulator import app

# Longer than clients keep a connection, so that no request meets one that is being closed.
KEEP_ALIVE_SECONDS = 75


def make_server(port: int, **options: object) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            port=port,
            http="httptools",
            ws="none",
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=1,
            **options,
        )
    )


async def serve(tls_port: str, plain_port: str, certificate: str, key: str) -> None:
    tls = make_server(int(tls_port), ssl_certfile=certificate, ssl_keyfile=key, lifespan="on")
    # MiniStack starts and stops its background work once, with the first server.
    await asyncio.gather(tls.serve(), make_server(int(plain_port), lifespan="off").serve())


try:
    from uvloop import run
except ImportError:  # There is no uvloop for Windows.
    from asyncio import run
run(serve(*sys.argv[1:]))
