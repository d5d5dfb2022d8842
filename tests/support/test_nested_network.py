#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What needs KVM and a kernel of its own, on kvm-amd in the nested machine: `husk run --net tap:NAME,vhost`, whose queues
the kernel's thread serves, and `queues=2` with a thread of the service on each of two vCPUs. Every byte is right, the
devices are taken over as they were handed over, and the VM ends as it should; both together too.

usage: test_nested_network.py --build FOLDER
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
MODULES = "for module in tun tap vhost_iotlb vhost vhost_net; do [ -d /sys/module/$module ] || insmod /m/$module.ko; done"
START = """
vm=$!
tries=0
until ifconfig t0 10.9.0.1 netmask 255.255.255.0 up && wget -q -O /dev/null http://10.9.0.2/1; do
    tries=$((tries + 1))
    [ $tries -gt 30 ] && break
    sleep 1
done
"""
END = """
kill -TERM $vm
wait $vm
echo "the VM ends with $?"
cat /tmp/vm
"""
VHOST = f"""
{MODULES}
/t/husk run --accel kvm --stats --net tap:t0,ip=10.9.0.2/24,gateway=10.9.0.1,vhost /t/programs/net_service >/tmp/vm 2>&1 &
{START}
for size in {' '.join(map(str, SIZES))}; do wget -q -O - http://10.9.0.2/$size | sha256sum; done
ping -c 3 10.9.0.2 | grep loss
cat /proc/[0-9]*/comm /proc/$vm/task/*/comm | grep -q "^vhost-" && echo "a thread of the kernel serves"
{END}
"""
TWO_PAIRS = f"""
{MODULES}
/t/husk run --accel kvm --cpus 2 --stats --net tap:t0,ip=10.9.0.2/24,queues=2@ /t/programs/net_service -- 80 7 2 >/tmp/vm 2>&1 &
{START}
for port in 81 80 81; do
    for i in 1 2 3 4 5 6 7 8 9 10; do wget -q -O - http://10.9.0.2:$port/1000; done | sha256sum
    for size in {' '.join(map(str, SIZES))}; do wget -q -O - http://10.9.0.2:$port/$size | sha256sum; done
done
ping -c 3 10.9.0.2 | grep loss
echo "threads of the kernel: $(cat /proc/[0-9]*/comm /proc/$vm/task/*/comm | grep -c "^vhost-")"
{END}
"""


def pattern(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def wrong_with(output: str, times: int, *expected: str) -> str | None:
    for size in SIZES:
        if output.count(hashlib.sha256(pattern(size)).hexdigest()) != times:
            return f"{size} bytes do not come, or wrong ones"
    for words in (r" 0% packet loss", r"the VM ends with 0", r"ended", *expected):
        if not re.search(words, output):
            return f"nothing of {words!r}"
    return None


def register_writes(output: str) -> tuple[int, int]:
    """All, and of them notifications."""
    counts = re.search(r"eth0 .*; (\d+) register writes, (\d+) of them notifications", output)
    return (int(counts[1]), int(counts[2])) if counts else (-1, 0)


def wrong_with_vhost(output: str) -> str | None:
    wrong = wrong_with(output, 1, r"a thread of the kernel serves")
    # Later notifications are no exits: the kernel hears them itself.
    return wrong or ("the notifications still are exits" if register_writes(output)[1] > 64 else None)


def wrong_with_queues(output: str) -> str | None:
    wrong = wrong_with(output, 3)
    if wrong or output.count(hashlib.sha256(10 * pattern(1000)).hexdigest()) != 3:
        return wrong or "1000 bytes do not come, or wrong ones"
    every, notifications = register_writes(output)
    return None if every == notifications else f"{every - notifications} registers are written but to notify"


def wrong_with_both(output: str) -> str | None:
    few = None if "threads of the kernel: 2\n" in output else "not each pair has a thread of the kernel"
    return wrong_with_queues(output) or few


JOBS = {
    "vhost-net": (VHOST, wrong_with_vhost),
    "two pairs of queues": (TWO_PAIRS.replace("@", ""), wrong_with_queues),
    "two pairs of queues by vhost-net": (TWO_PAIRS.replace("@", ",vhost"), wrong_with_both),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    build = parser.parse_args().build.resolve()
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="husk-nested-") as name:
        folder = Path(name) / "t"
        for part in ("jobs", "timeouts", "stdin", "programs"):
            (folder / part).mkdir(parents=True)
        for number, (job, _) in enumerate(JOBS.values()):
            (folder / f"jobs/{number:03}").write_text(job)
            (folder / f"timeouts/{number:03}").write_text("180")
            (folder / f"stdin/{number:03}").write_bytes(b"")
        (folder / "husk").write_bytes((build / "launcher/husk").read_bytes())
        (folder / "husk").chmod(0o755)
        subprocess.run(["strip", "-g", "-o", str(folder / "programs/net_service"), str(build / "tests/guest/net_service")],
                       check=True)
        boot = subprocess.run([str(HERE / "nested/boot.sh"), str(folder)], capture_output=True, check=False)
    console = boot.stdout.decode(errors="replace")
    results = parse(console)
    for number, (what, (_, wrong_with_output)) in enumerate(JOBS.items()):
        result = results.get(f"{number:03}")
        if result is None:
            tally.record(what, f"the nested machine gives no result: {console[-600:]}")
            continue
        output = result.stdout.decode(errors="replace")
        wrong = wrong_with_output(output)
        tally.record(what, wrong and f"{wrong}: {output[-1500:]} {result.stderr.decode(errors='replace')}")
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
