#!/bin/sh
# First process of the guest on its own root: makes it a Linux that the tests can live in, loads the programs once, runs
# the tests, hands the report over on the third disk, ends.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:/tmp/busybox HOME=/root LANG=C.UTF-8
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/usr/local/lib/distributions
/bin/busybox mount -t tmpfs -o mode=1777 none /tmp
/bin/busybox mkdir /tmp/busybox && /bin/busybox --install -s /tmp/busybox
mkdir -p /dev/shm /dev/pts
mount -t tmpfs -o mode=755 none /run
mount -t tmpfs -o mode=1777 none /dev/shm
mount -t devpts none /dev/pts
mount -t tracefs none /sys/kernel/tracing
mount -t bpf none /sys/fs/bpf
ip link set lo up
echo "guest: kernel $(uname -r)"
cd /repository || poweroff -f
set --
while read -r argument; do set -- "$@" "$argument"; done <arguments
if python3 -m tools.kernels.load; then
    python3 -m pytest -p no:cacheprovider --junitxml=/tmp/report.xml "$@" 2>&1
    cat /tmp/report.xml >/dev/vdc
    sync
fi
/bin/busybox poweroff -f
