#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`husk run --net tap:NAME,vhost` in the nested machine, whose kernel has vhost-net: every byte is right, the kernel's
thread serves the queues, and the VM ends as it should.

usage: test_vhost.py --build FOLDER
"""
import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tally import Tally

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "guest"))
from nested_machine import parse  # noqa: E402

SIZES = (0, 14, 70_000, 5_000_000)
JOB = f"""
for module in tun tap vhost_iotlb vhost vhost_net; do insmod /m/$module.ko; done
/t/husk run --accel kvm --stats --net tap:t0,ip=10.9.0.2/24,gateway=10.9.0.1,vhost /t/programs/net_service >/tmp/vm 2>&1 &
vm=$!
tries=0
until ifconfig t0 10.9.0.1 netmask 255.255.255.0 up && wget -q -O /dev/null http://10.9.0.2/1; do
    tries=$((tries + 1))
    [ $tries -gt 30 ] && break
    sleep 1
done
for size in {' '.join(map(str, SIZES))}; do wget -q -O - http://10.9.0.2/$size | sha256sum; done
ping -c 3 10.9.0.2 | grep loss
cat /proc/[0-9]*/comm /proc/$vm/task/*/comm | grep -q "^vhost-" && echo "a thread of the kernel serves"
kill -TERM $vm
wait $vm
echo "the VM ends with $?"
cat /tmp/vm
"""


def pattern(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def wrong_with(output: str) -> str | None:
    for size in SIZES:
        if hashlib.sha256(pattern(size)).hexdigest() not in output:
            return f"{size} bytes do not come, or wrong ones"
    for expected in (r" 0% packet loss", r"a thread of the kernel serves", r"the VM ends with 0", r"ended"):
        if not re.search(expected, output):
            return f"nothing of {expected!r}"
    # Later notifications are no exits: the kernel hears them itself.
    notified = re.search(r"(\d+) of them notifications", output)
    if not notified or int(notified[1]) > 64:
        return "the notifications still are exits"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    build = parser.parse_args().build.resolve()
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="husk-vhost-") as name:
        folder = Path(name) / "t"
        for part in ("jobs", "timeouts", "stdin", "programs"):
            (folder / part).mkdir(parents=True)
        (folder / "jobs/000-vhost").write_text(JOB)
        (folder / "timeouts/000-vhost").write_text("180")
        (folder / "stdin/000-vhost").write_bytes(b"")
        (folder / "husk").write_bytes((build / "launcher/husk").read_bytes())
        (folder / "husk").chmod(0o755)
        subprocess.run(["strip", "-g", "-o", str(folder / "programs/net_service"), str(build / "tests/guest/net_service")],
                       check=True)
        boot = subprocess.run([str(HERE / "nested/boot.sh"), str(folder)], capture_output=True, check=False)
    console = boot.stdout.decode(errors="replace")
    result = parse(console).get("000-vhost")
    if result is None:
        tally.record("vhost-net", f"the nested machine gives no result: {console[-600:]}")
    else:
        output = result.stdout.decode(errors="replace")
        wrong = wrong_with(output)
        tally.record("vhost-net", wrong and f"{wrong}: {output[-1500:]} {result.stderr.decode(errors='replace')}")
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
