"""``python -m bench.others.node_red FOLDER KIND PORT SINK``: Node-RED with one flow: take in, map, tell; it keeps nothing.

The flow acknowledges at once and then tells: what it has acknowledged is lost if it ends before. It is installed once, from npm.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

VERSION = "4"
HOME = Path(__file__).resolve().parents[2] / ".live" / "node-red"
_SETTINGS = """module.exports = {{
  uiHost: "127.0.0.1", uiPort: {port}, httpAdminRoot: false, userDir: {folder!r}, flowFile: "flows.json",
  logging: {{ console: {{ level: "error" }} }}, functionExternalModules: false, editorTheme: {{ projects: {{ enabled: false }} }},
  externalModules: {{ autoInstall: false, palette: {{ allowInstall: false }} }}
}};
"""
_READ_HL7 = r"""
const at = {};
for (const segment of msg.payload.replace(/^\x0b/, "").split("\r")) { at[segment.slice(0, 3)] ??= segment.split("|"); }
const control = at.MSH[9], charge = at.FT1;
const told = {movementId: "MV-" + charge[2], sku: charge[7].split("^")[0], quantity: "-" + charge[10], reason: "usage",
              location: charge[16], at: charge[4], cause: charge[2]};
const acknowledgement = {...msg, payload: "\x0bMSH|^~\\&|SUTURE|GROUP|OR|NORTH|20260302101500||ACK^P03|" + control +
              "|P|2.5.1\rMSA|AA|" + control + "\r\x1c\r"};
return [acknowledgement, {payload: JSON.stringify(told), headers: {"content-type": "application/json"}}];
"""
_READ_JSON = r"""
const receipt = msg.payload;
const told = {externalRef: receipt.id, purchaseOrder: receipt.order, receivedAt: receipt.received_at,
              lines: receipt.lines.map(line => ({line: line.line, material: line.item, quantity: line.quantity.value,
                                                 unit: line.quantity.unit, lot: line.lot}))};
return [{...msg, statusCode: 202, payload: ""}, {payload: JSON.stringify(told), headers: {"content-type": "application/json"}}];
"""


def flow(kind: str, port: int, sink: int) -> list[dict[str, Any]]:
    """In, map, out: the acknowledgement on the first wire, what is told on the second."""
    tell = {
        "id": "tell",
        "type": "http request",
        "z": "tab",
        "method": "POST",
        "ret": "txt",
        "persist": True,
        "wires": [[]],
        "url": f"http://127.0.0.1:{sink}/movements",
    }
    function = {"id": "map", "type": "function", "z": "tab", "outputs": 2, "wires": [["answer"], ["tell"]]}
    tab = {"id": "tab", "type": "tab", "label": "relay"}
    if kind == "mllp":
        come = {
            "id": "come",
            "type": "tcp in",
            "z": "tab",
            "server": "server",
            "host": "",
            "port": str(port),
            "datamode": "stream",
            "datatype": "utf8",
            "newline": "\x1c\\r",
            "topic": "",
            "wires": [["map"]],
        }
        answer = {"id": "answer", "type": "tcp out", "z": "tab", "beserver": "reply", "base64": False, "end": False, "wires": []}
        return [tab, come, {**function, "func": _READ_HL7}, answer, tell]
    come = {"id": "come", "type": "http in", "z": "tab", "url": "/in/inventory/events", "method": "post", "wires": [["map"]]}
    return [tab, come, {**function, "func": _READ_JSON}, {"id": "answer", "type": "http response", "z": "tab", "wires": []}, tell]


def installed() -> Path | None:
    """Its program; installed if npm can, else None."""
    program = HOME / "node_modules" / "node-red" / "red.js"
    if not program.is_file() and shutil.which("npm"):
        words = ("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(HOME), f"node-red@{VERSION}")
        subprocess.run(words, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return program if program.is_file() else None


def main(folder: Path, kind: str, port: int, sink: int) -> None:
    """Run until SIGTERM; says "ready" once the port answers."""
    program = installed()
    if program is None:
        sys.exit("Node-RED is not installed here")
    admin = port if kind == "http" else _free_port()
    (folder / "settings.js").write_text(_SETTINGS.format(port=admin, folder=str(folder)))
    (folder / "flows.json").write_text(json.dumps(flow(kind, port, sink)))
    process = subprocess.Popen(["node", str(program), "--settings", str(folder / "settings.js")], stdout=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    if _answers(port, process):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
    process.wait()


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
