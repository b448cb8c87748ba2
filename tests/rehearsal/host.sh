#!/bin/bash
# The first process of a host: gives it a file system of its own over this machine's, then waits.
#   unshare --mount --net --pid --uts --ipc --fork bash host.sh STAGE NAME USER UID HOSTS [SHOWN:HERE ...]
# STAGE is a folder that the file system is put together in; HOSTS the file that becomes /etc/hosts; each folder SHOWN
# of this machine lies on the host at HERE, the same one for all hosts that are given it.
set -euo pipefail
stage=$1 name=$2 user=$3 uid=$4 hosts=$5
shift 5

mount -t tmpfs -o mode=755 "host-$name" "$stage"
mkdir "$stage"/{over,work,root}
mount -t overlay "host-$name" -o "lowerdir=/,upperdir=$stage/over,workdir=$stage/work" "$stage/root"
root=$stage/root
mount --rbind /dev "$root/dev"
for folder in dev/shm tmp run; do
    mount -t tmpfs -o mode=1777 "$folder" "$root/$folder"
done
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
for pair in "$@"; do
    mkdir -p "$root/${pair#*:}"
    mount --rbind "${pair%%:*}" "$root/${pair#*:}"
done
cp "$hosts" "$root/etc/hosts"

cd "$root"
mkdir -p .before
pivot_root . .before
umount -l .before
cd /
rmdir .before

hostname "$name"
groupadd --gid "$uid" "$user"
useradd -K UID_MAX="$uid" --uid "$uid" --gid "$uid" --create-home --shell /bin/bash --password '*' "$user"
mkdir -p /run/sshd
ssh-keygen -A >/dev/null
touch /run/ready
trap 'exit 0' TERM
while :; do    # bash collects the dead, as a first process has to
    sleep 3600 &
    wait $! || true
done
