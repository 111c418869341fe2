"""A registry of one's own for a test: Debian's docker-registry on loopback, with its own folder and
port; what was asked of it is counted in its log. And Proxy: stands in front of it, slows what comes
from it, stops it in the middle or cuts it.
"""
import base64
import http.client
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import warnings

import images
from harness import check, wait_for

CONFIG = """version: 0.1
log:
  accesslog:
    disabled: false
  level: info
storage:
  filesystem:
    rootdirectory: {folder}/data
http:
  addr: 127.0.0.1:{port}
"""
AUTH = """auth:
  htpasswd:
    realm: test
    path: {folder}/passwords
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Registry:
    """Use as a context manager. `login`: (user, password) that it asks for."""

    def __init__(self, folder, login=None, port=0):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.login = login
        self.port = port or free_port()
        self.log = self.folder / "log"
        self.process = None
        self.layers = {}  # digests of what was pushed, by name

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        program = shutil.which("docker-registry")
        check(program, "docker-registry is not installed")
        text = CONFIG
        if self.login:
            text += AUTH
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                import crypt
            secret = crypt.crypt(self.login[1], "$2y$05$" + "abcdefghijklmnopqrstuu")
            (self.folder / "passwords").write_text(f"{self.login[0]}:{secret}\n")
        path = self.folder / "config.yml"
        path.write_text(text.format(folder=self.folder, port=self.port))
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [program, "serve", path], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_for(self.answers, 20, "the start of the registry")

    def answers(self):
        try:
            return self.ask("GET", "/v2/")[0] == 200
        except OSError:
            return False

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def ask(self, method, path, body=None, **headers):
        """One request: (status, headers, body)."""
        if self.login:
            word = base64.b64encode(":".join(self.login).encode()).decode()
            headers["Authorization"] = f"Basic {word}"
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            link.request(method, path, body, headers)
            answer = link.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            link.close()

    def push(self, image, name, tag="latest"):
        """Uploads an images.Image; returns its manifest's digest."""
        for digest, blob in image.blobs().items():
            if self.ask("HEAD", f"/v2/{name}/blobs/{digest}")[0] == 200:
                continue
            status, headers, body = self.ask("POST", f"/v2/{name}/blobs/uploads/")
            check(status == 202, f"registry: {status} {body}")
            where = headers["Location"].split(self.host, 1)[-1]
            where += ("&" if "?" in where else "?") + f"digest={digest}"
            kind = {"Content-Type": "application/octet-stream"}
            status, _, body = self.ask("PUT", where, blob, **kind)
            check(status == 201, f"registry: {status} {body}")
        kind = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}
        status, _, body = self.ask("PUT", f"/v2/{name}/manifests/{tag}", image.manifest, **kind)
        check(status == 201, f"registry: {status} {body}")
        self.layers[name] = {images.sha256(layer.blob) for layer in image.layers}
        return image.digest

    def requests(self, what, name):
        """Successful GETs of `what` (manifests, blobs) of an image, in the order of the log."""
        line = re.compile(rf'"GET /v2/{re.escape(name)}/{what}/(\S+) HTTP/1\.1" 200 ')
        return line.findall(self.log.read_text(errors="replace"))

    def pulls(self, name):
        """How often the image was fetched: the most that any of its layers was asked for."""
        asked = self.requests("blobs", name)
        return max((asked.count(digest) for digest in self.layers[name]), default=0)


class Proxy:
    """Passes TCP on to a port. `hold_after` bytes from the server it waits until release(); with
    `cut_after` it closes all connections there and refuses further ones.
    """

    def __init__(self, port, listen=0, hold_after=None, cut_after=None):
        self.target = port
        self.hold_after, self.cut_after = hold_after, cut_after
        self.passed = 0
        self.held = threading.Event()  # something waits
        self.free = threading.Event()
        self.lock = threading.Lock()
        self.links = []
        self.dead = False
        self.listener = socket.create_server(("127.0.0.1", listen))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cut()

    def release(self):
        self.free.set()

    def cut(self):
        self.dead = True
        self.free.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        with self.lock:
            links, self.links = self.links, []
        for link in links:
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def accept(self):
        while not self.dead:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target), timeout=30)
            except OSError:
                return
            with self.lock:
                self.links += [client, server]
            for source, sink, counted in ((client, server, False), (server, client, True)):
                work = (source, sink, counted)
                threading.Thread(target=self.carry, args=work, daemon=True).start()

    def carry(self, source, sink, counted):
        try:
            while data := source.recv(16384):
                if counted:
                    self.count(len(data))
                if self.dead:
                    break
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def count(self, size):
        with self.lock:
            self.passed += size
            passed = self.passed
        if self.cut_after is not None and passed > self.cut_after:
            self.held.set()
            self.cut()
        if self.hold_after is not None and passed > self.hold_after:
            self.held.set()
            self.free.wait(120)
