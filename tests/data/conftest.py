"""A mirror on 127.0.0.1 that can misbehave, and Fashion-MNIST in six images."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import importlib
import struct
import threading
from dataclasses import dataclass, field

import numpy as np
import pytest

from tinynet.data.download import RemoteFile


@dataclass
class Mirror:
    """What a test sets up and looks at: files by name, faults, and the requests that came."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    honours_range: bool = True
    shift: int = 0  # a range begins so many bytes later than the one asked for
    cuts: list[int] = field(default_factory=list)  # the next answers end after so many bytes
    gate: threading.Event | None = None  # what the body waits for
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    encodings: set[str | None] = field(default_factory=set)  # accepted, by the requests

    def ranges(self) -> list[str | None]:
        return [wanted for method, _, wanted in self.requests if method == "GET"]


@pytest.fixture
def start_mirror(monkeypatch):
    """A function that starts a mirror serving the given files."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    servers = []

    def start(**files: bytes) -> Mirror:
        mirror = Mirror(files=dict(files))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(mirror))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        mirror.url = f"http://127.0.0.1:{server.server_port}"
        return mirror

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(mirror: Mirror) -> type:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.answer(body=False)

        def do_GET(self):
            self.answer(body=True)

        def answer(self, body: bool):
            wanted = self.headers.get("Range")
            mirror.requests.append((self.command, self.path, wanted))
            mirror.encodings.add(self.headers.get("Accept-Encoding"))
            content = mirror.files.get(self.path.rpartition("/")[2])
            if content is None:
                return self.send_error(404)
            start = int(wanted[len("bytes=") : -1]) if wanted and mirror.honours_range else 0
            if start >= len(content):
                return self.send_error(416)
            start += mirror.shift if start else 0
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.end_headers()
            if body:
                if mirror.gate:
                    mirror.gate.wait(10)
                end = start + mirror.cuts.pop(0) if mirror.cuts else len(content)
                self.wfile.write(content[start:end])

        def log_message(self, *args):
            pass

    return Handler


@pytest.fixture
def refused_url():
    """A URL at which nobody listens."""
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    server.server_close()
    return f"http://127.0.0.1:{server.server_port}"


def idx_bytes(array: np.ndarray) -> bytes:
    """An array of bytes in the IDX format."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def published(name: str, content: bytes) -> RemoteFile:
    return RemoteFile(name, len(content), hashlib.md5(content).hexdigest())


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Fashion-MNIST reduced to six training and four test images.

    No data folder, an empty cache, no mirrors; `small[name]` is the content of a published file.
    """
    module = importlib.import_module("tinynet.data.fashion_mnist")
    rng = np.random.default_rng(0)
    contents, files = {}, {}
    for split, prefix, count in (("train", "train", 6), ("test", "t10k", 4)):
        arrays = {
            f"{prefix}-images-idx3-ubyte": rng.integers(0, 256, (count, 28, 28), np.uint8),
            f"{prefix}-labels-idx1-ubyte": np.arange(count, dtype=np.uint8),
        }
        files[split] = []
        for name, array in arrays.items():
            raw = idx_bytes(array)
            contents[name], contents[f"{name}.gz"] = raw, gzip.compress(raw)
            variants = (f"{name}.gz", name)
            files[split].append(tuple(published(each, contents[each]) for each in variants))
    monkeypatch.setattr(module, "FILES", files)
    monkeypatch.setattr(module, "MIRRORS", ())
    monkeypatch.delenv("TINYNET_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return contents


@pytest.fixture
def mirrors(monkeypatch):
    """A function that sets the mirrors Fashion-MNIST is downloaded from."""
    module = importlib.import_module("tinynet.data.fashion_mnist")
    return lambda *urls: monkeypatch.setattr(module, "MIRRORS", urls)
