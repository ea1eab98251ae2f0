#!/usr/bin/env bash
# Three hosts on one machine: each has its own files (an overlay over this machine's), processes, name and network card.
#   hosts.sh FOLDER      inside `unshare --mount --net --pid --fork --kill-child`: the world; it ends with its standard input
# The world itself has the bridge and is who stands outside, at 10.88.0.254. FOLDER/NAME.pid: a host's first process, in the world's numbers.
set -euo pipefail
folder=$1
mount --make-rprivate /
mount -t proc proc /proc
ip link set lo up
ip link add br0 type bridge
ip addr add 10.88.0.254/24 dev br0
ip link set br0 up
# Children that nobody waits for are gone at once.
trap '' CHLD
number=0
for name in wenming-a wenming-b wenming-c; do
  number=$((number + 1))
  mkdir -p "$folder/$name/upper" "$folder/$name/work" "$folder/$name/root"
  mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/$name/upper,workdir=$folder/$name/work" "$folder/$name/root"
  unshare --net --mount --pid --uts --ipc --fork --kill-child bash -c '
    set -euo pipefail
    trap "" CHLD
    hostname "$1"
    cd "$2"
    mount -t proc proc proc
    mount -t sysfs -o ro sysfs sys
    mount --rbind /dev dev
    mount -t tmpfs -o mode=755 tmpfs run
    mount -t tmpfs -o mode=1777 tmpfs tmp
    exec chroot . /bin/sleep infinity' host "$name" "$folder/$name/root" </dev/null &
  outer=$!
  for _ in $(seq 200); do
    child=$(tr -d ' ' <"/proc/$outer/task/$outer/children")
    [ -n "$child" ] && [ "$(tr '\0' ' ' <"/proc/$child/cmdline")" = "/bin/sleep infinity " ] && break
    sleep 0.05
  done
  ip link add "v$number" type veth peer name eth0 netns "$child"
  ip link set "v$number" master br0 up
  nsenter --target "$child" --net bash -c "ip link set lo up; ip addr add 10.88.0.$number/24 dev eth0; ip link set eth0 up"
  echo "$child" >"$folder/$name.pid"
done
touch "$folder/ready"
cat >/dev/null
