#!/bin/sh
# First process of the guest, in the initramfs: drivers, the root on the first disk, then guest.sh out of the second,
# which is a tar archive of the repository.
busybox=/bin/busybox
$busybox mount -t proc none /proc
$busybox mount -t sysfs none /sys
$busybox mount -t devtmpfs none /dev
while read -r module; do $busybox insmod "/modules/$module.ko"; done </modules/order
if $busybox mount -t ext4 /dev/vda /root && $busybox mount -t tmpfs -o mode=755 none /root/repository &&
    $busybox tar -x -C /root/repository -f /dev/vdb; then
    for directory in proc sys dev; do $busybox mount --move /$directory /root/$directory; done
    exec $busybox switch_root /root /bin/sh /repository/tools/kernels/guest.sh
fi
$busybox poweroff -f
