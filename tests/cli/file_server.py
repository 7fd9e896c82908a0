#!/usr/bin/env python3
"""Serve a folder while a command runs: file_server.py FOLDER [--break-at BYTES] COMMAND...

The command finds the address in $url. With --break-at the first answer ends after so many
bytes, as if the connection were lost; later ones are whole. Ranges are understood.
"""
import http.server
import os
import subprocess
import sys
import threading
from pathlib import Path

folder, command = Path(sys.argv[1]), sys.argv[2:]
break_at = None
if command[0] == "--break-at":
    break_at, command = int(command[1]), command[2:]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global break_at
        path = folder / self.path.lstrip("/")
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        wanted = self.headers.get("Range")
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(data) - begin))
        self.end_headers()
        self.wfile.write(data[begin:break_at])
        break_at = None

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["url"] = f"http://127.0.0.1:{server.server_port}"
status = subprocess.run(command).returncode
server.shutdown()
sys.exit(status)
