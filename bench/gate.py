"""``python -m bench.gate NETWORK.TOML`` serves a network with its gateway and no process but the masters'; ``python -m bench.gate
echo`` serves one bare Starlette route that answers with what it was sent, by the same server."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from suture.cli import looping
from suture.gateway.front import front
from suture.runtime.network import read_network
from suture.runtime.serving import Serving
from suture.transports.http_server import serve


async def _echo(request: Request) -> Response:
    return Response(await request.body(), media_type="application/json")


async def _bare(stopped: asyncio.Event) -> None:
    server = await serve(Starlette(routes=[Route("/echo", _echo, methods=["POST"])]))
    _say(f"http://127.0.0.1:{server.port}")
    await stopped.wait()
    await server.stop()


async def _gateway(network: Path, stopped: asyncio.Event) -> None:
    serving = Serving(read_network(network), network.parent, wing=front)
    serving.wiring.processes = {"masters": serving.wiring.processes["masters"]}
    await serving.start()
    _say(serving.listening.split(", ")[0])
    await stopped.wait()
    await serving.stop()


def _say(address: str) -> None:
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()


async def main(what: str) -> None:
    """Serve until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await (_bare(stopped) if what == "echo" else _gateway(Path(what), stopped))


if __name__ == "__main__":
    looping.run(main(sys.argv[1]))
