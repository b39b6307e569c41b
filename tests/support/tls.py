"""Real OpenSSL on both ends of a connection in memory, told as chunks; its key log stands in for the key probe."""

from __future__ import annotations

import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.x509.oid import NameOID

from agent_py.chunk import KEY, Chunk, KeyProtocol, Kind
from agent_py.tls.records import Record
from agent_py.tls.schedule import RecordKeys
from agent_py.tls.suites import Mode, Suite
from tests.support.chunks import Wire

DAY = datetime.timedelta(days=1)


def write_certificates(directory: Path) -> list[Path]:
    """A PEM file (certificate and key) with an ECDSA and one with an RSA key, for the name ``shop.test``."""
    keys = [ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)]
    paths = []
    for number, key in enumerate(keys):
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.test")])
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        builder = builder.serial_number(number + 1).not_valid_before(now - DAY).not_valid_after(now + DAY)
        path = directory / f"server{number}.pem"
        pem = serialization.Encoding.PEM
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.write_bytes(private + builder.sign(key, hashes.SHA256()).public_bytes(pem))
        paths.append(path)
    return paths


@dataclass
class Contexts:
    """Server and client contexts, and the server's key log."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    key_log: Path


def contexts(
    directory: Path, certificates: list[Path], *, version: str, ciphers: str = "", protocols: list[str] | None = None
) -> Contexts:
    """Contexts that speak ``version`` ("1.2" or "1.3") only; ``ciphers`` limits TLS 1.2's suites."""
    number = ssl.TLSVersion.TLSv1_2 if version == "1.2" else ssl.TLSVersion.TLSv1_3
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for path in certificates:
        server.load_cert_chain(path)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    for context in (server, client):
        context.minimum_version = context.maximum_version = number
        if ciphers:
            context.set_ciphers(ciphers)
        if protocols:
            context.set_alpn_protocols(protocols)
    key_log = directory / "keys.log"
    key_log.write_text("")
    server.keylog_filename = str(key_log)
    return Contexts(server, client, key_log)


class TlsWire:
    """One TLS connection; ``chunks`` collects what capture would tell."""

    def __init__(
        self, ends: Contexts, wire: Wire | None = None, *, session: ssl.SSLSession | None = None, hint: bool = True
    ) -> None:
        self.wire = wire or Wire()
        self.chunks: list[Chunk] = [self.wire.open()]
        self.hint = hint
        self.withhold = False
        """Keep the KEY chunks back in ``withheld``."""
        self.withheld: list[Chunk] = []
        self._key_log = ends.key_log
        self._position = ends.key_log.stat().st_size
        self._to_server, self._to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server = ends.server.wrap_bio(self._to_server, self._to_client, server_side=True)
        self.client = ends.client.wrap_bio(
            self._to_client_in(), self._from_client_out(), server_hostname="shop.test", session=session
        )
        self.server_random = bytes(32)

    def _to_client_in(self) -> ssl.MemoryBIO:
        self._client_in = ssl.MemoryBIO()
        return self._client_in

    def _from_client_out(self) -> ssl.MemoryBIO:
        self._client_out = ssl.MemoryBIO()
        return self._client_out

    def handshake(self) -> TlsWire:
        """Run the handshake; the chunks of each flight are a read or a write."""
        done = [False, False]
        while not all(done):
            for number, end in enumerate((self.client, self.server)):
                try:
                    end.do_handshake()
                    done[number] = True
                except ssl.SSLWantReadError:
                    pass
                if number == 0:
                    self.deliver()
                else:
                    self.flush()
        return self

    def deliver(self, *, cut_at: int | None = None) -> None:
        """What the client has sent is read by the server, in one read or split at ``cut_at``."""
        data = self._client_out.read()
        for part in (data,) if cut_at is None else (data[:cut_at], data[cut_at:]):
            if part:
                self.chunks.append(self.wire.read(part))
                self._to_server.write(part)

    def flush(self, *, captured: int | None = None) -> None:
        """What the server has written reaches the client; only ``captured`` bytes of the write are seen."""
        self._keys()
        data = self._to_client.read()
        if not data:
            return
        if data[0] == 22 and data[5] == 2 and self.server_random == bytes(32):
            self.server_random = data[11:43]
        seen = data if captured is None else data[:captured]
        self.chunks.append(self.wire.write(seen, cut=len(data) - len(seen)))
        self._client_in.write(data)
        self._keys()

    def _keys(self) -> None:
        text = self._key_log.read_text()
        lines, self._position = text[self._position :].splitlines(), len(text)
        for line in lines:
            if not line.startswith("#"):
                label, client_random, secret = line.split()
                self._key(label, bytes.fromhex(client_random), bytes.fromhex(secret))

    def _key(self, label: str, client_random: bytes, secret: bytes) -> None:
        if label.endswith("EXPORTER_SECRET"):
            return
        tls12 = label == "CLIENT_RANDOM"
        protocol = KeyProtocol.TLS12_MASTER_SECRET if tls12 else KeyProtocol.TLS13_TRAFFIC_SECRET
        randoms = (client_random, self.server_random) if tls12 else (bytes(32), bytes(32))
        self.wire.time += 1000
        payload = KEY.pack(protocol, len(secret), 0, secret, *randoms)
        conn = self.wire.conn if self.hint else 0
        fields = (conn, self.wire.time, 0, KEY.size, KEY.size, 42, 43, 4026531840, -1, 0, Kind.KEY, 0, 0, payload)
        (self.withheld if self.withhold else self.chunks).append(Chunk(*fields))

    def request(self, data: bytes, *, cut_at: int | None = None) -> None:
        """The client sends ``data``, the server reads it."""
        self.client.write(data)
        self.deliver(cut_at=cut_at)
        received = b""
        while True:
            try:
                received += self.server.read(65536)
            except ssl.SSLWantReadError:
                break
        assert received == data
        self._keys()

    def respond(self, data: bytes, *, captured: int | None = None) -> None:
        """The server answers ``data``; of its write only ``captured`` bytes are seen."""
        self.server.write(data)
        self.flush(captured=captured)
        while True:
            try:
                self.client.read(65536)
            except ssl.SSLWantReadError:
                return

    def take(self) -> list[Chunk]:
        """The chunks so far."""
        taken, self.chunks = self.chunks, []
        return taken


def aead(suite: Suite, key: bytes) -> AESGCM | AESCCM | ChaCha20Poly1305:
    """The suite's cipher."""
    if suite.mode is Mode.GCM:
        return AESGCM(key)
    return ChaCha20Poly1305(key) if suite.mode is Mode.CHACHA20_POLY1305 else AESCCM(key, tag_length=suite.tag_size)


def sealed13(suite: Suite, keys: RecordKeys, sequence: int, inner: bytes) -> Record:
    """A TLS 1.3 record with ``inner`` (content and type) under the given sequence number."""
    header = b"\x17\x03\x03" + (len(inner) + suite.tag_size).to_bytes(2)
    nonce = (int.from_bytes(keys.iv) ^ sequence).to_bytes(12)
    fragment = aead(suite, keys.key).encrypt(nonce, inner, header)
    return Record(header, fragment, len(fragment), 0)
