"""Group robots in a test: one https server on loopback that keeps what it was sent, and the certificate by which it is trusted."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

GOOD = {"/wecom": {"errcode": 0, "errmsg": "ok"}, "/dingtalk": {"errcode": 0, "errmsg": "ok"}, "/feishu": {"code": 0, "msg": "success"}}


def certificate(folder: Path, *, days: float = 30) -> tuple[Path, Path]:
    """A certificate of localhost that is good for so long, which signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False).sign(key, hashes.SHA256()))
    paths = folder / "localhost.pem", folder / "localhost.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return paths


def listening(folder: Path, application: Any, **options: Any) -> tuple[HTTPServer, int, str]:
    """An https server of localhost, its port, and the file by which it is trusted."""
    pem, key = certificate(folder, **options)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, key)
    server, (socket, port) = HTTPServer(application, ssl_options=context), bind_unused_port()
    server.add_socket(socket)
    return server, port, str(pem)


@dataclass
class Platform:
    """The chats' side. `answers`: path to what is said there; a number is a status, a list is said one after the other."""

    folder: Path
    asked: list[HTTPServerRequest] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=lambda: dict(GOOD))

    def __post_init__(self) -> None:
        platform = self

        class Handler(RequestHandler):
            def post(self) -> None:
                platform.asked.append(self.request)
                answer = platform.answers.get(self.request.path, {})
                if isinstance(answer, list):
                    answer = answer.pop(0)
                if isinstance(answer, int):
                    self.set_status(answer)
                    answer = {}
                if "location" in answer:
                    self.redirect(answer["location"], status=302)
                    return
                self.finish(answer)

        self.server, self.port, self.authorities = listening(self.folder, Application([(r".*", Handler)]))

    def url(self, path: str) -> str:
        return f"https://localhost:{self.port}{path}"

    def bodies(self, path: str) -> list[Any]:
        return [json.loads(request.body) for request in self.asked if request.path == path]

    def titles(self, path: str = "/feishu") -> list[str]:
        """The headings of what 飞书 was sent."""
        return [body["card"]["header"]["title"]["content"] for body in self.bodies(path) if "card" in body]

    def close(self) -> None:
        self.server.stop()
