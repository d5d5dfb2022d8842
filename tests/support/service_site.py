# SPDX-License-Identifier: Apache-2.0
"""What examples/service serves in tests: files, a certificate, a disk for its data."""
import hashlib
import subprocess
from pathlib import Path

LARGE_BYTES = 5_000_000
PAGE = """<!DOCTYPE html>
<html><head><title>served</title></head><body><p id="result">not yet</p><script>
async function run() {
  await fetch("/kv/from-browser", {method: "PUT", body: "kept by the guest"});
  const texts = await Promise.all(["/kv/from-browser", "/stream?lines=3", "/files/hello.txt"].map(
    async path => (await fetch(path)).text()));
  document.getElementById("result").textContent = texts.join("|").replaceAll("\\n", ";");
}
run().catch(error => { document.getElementById("result").textContent = "failed: " + error; });
</script></body></html>
"""
PAGE_RESULT = "kept by the guest|line 1;line 2;line 3;|a file;"


def noise(size: int) -> bytes:
    """Bytes that no compression and no zero page makes easier."""
    return b"".join(hashlib.sha256(str(i).encode()).digest() for i in range(size // 32 + 1))[:size]


class Site:
    """A folder with what the service needs."""

    def __init__(self, folder: Path, husk: Path, names: str = "DNS:localhost"):
        self.files = folder / "srv"
        self.files.mkdir()
        (self.files / "hello.txt").write_text("a file\n")
        (self.files / "page.html").write_text(PAGE)
        (self.files / "large.bin").write_bytes(noise(LARGE_BYTES))
        self.certificate = self.files / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", f"subjectAltName={names}", "-keyout", self.files / "key.pem", "-out",
                        self.certificate], check=True, capture_output=True)
        self.data = folder / "data"
        self.disk = folder / "data.img"
        subprocess.run([husk, "disk", "create", self.disk, "64M"], check=True, capture_output=True)

    def service_options(self, address: str = "0.0.0.0") -> list[str]:
        """For a VM that has the files at /srv and the disk at /data."""
        return ["--address", address, "--port", "8080", "--tls-port", "8443", "--files", "/srv", "--data", "/data",
                "--certificate", "/srv/certificate.pem", "--key", "/srv/key.pem"]
