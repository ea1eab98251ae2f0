#!/bin/sh
# Makes one Redis Cluster of six servers, once: redis-cluster.sh ADDRESS:PORT ... (masters first, each replica after all masters).
# Where there is one already, it waits until all slots are served and changes nothing; what was cut off half-way is finished.
# The password comes from REDIS_PASSWORD_FILE, by the environment alone, so that no list of processes shows it.
set -eu
[ $# -ge 6 ] || { echo "usage: $0 ADDRESS:PORT ... (six or more)" >&2; exit 2; }
REDISCLI_AUTH=$(cat "$REDIS_PASSWORD_FILE")
export REDISCLI_AUTH
[ -n "$REDISCLI_AUTH" ] || unset REDISCLI_AUTH  # servers without a password refuse an empty one
# Long enough for six servers to read their append-only files on a slow disk.
patience=${PATIENCE_SECONDS:-120}

ask() { # ask ADDRESS:PORT COMMAND...
  address=$1
  shift
  redis-cli -h "${address%:*}" -p "${address##*:}" "$@" 2>/dev/null
}
field() { ask "$1" cluster info | tr -d '\r' | sed -n "s/^$2://p"; }

wait_for() { # wait_for WORDS COMMAND...: until the command is true
  words=$1
  shift
  until "$@"; do
    [ "$patience" -gt 0 ] || { echo "not in time: $words" >&2; exit 1; }
    patience=$((patience - 1))
    sleep 1
  done
}
answers() { [ "$(ask "$1" ping)" = PONG ]; }
serves() { # all slots served, as this one sees it
  [ "$(field "$1" cluster_state)" = ok ] && [ "$(field "$1" cluster_slots_ok)" = 16384 ]
}
follows() { # a master, or a replica that has its master
  role=$(ask "$1" info replication | tr -d '\r')
  case $role in
    *role:master*) return 0 ;;
    *master_link_status:up*) return 0 ;;
    *) return 1 ;;
  esac
}

first=$1
for each in "$@"; do wait_for "$each answers" answers "$each"; done

known=0
for each in "$@"; do [ "$(field "$each" cluster_known_nodes)" = 1 ] || known=1; done
if [ "$known" = 0 ] && [ "$(field "$first" cluster_slots_assigned)" = 0 ]; then
  redis-cli --cluster create "$@" --cluster-replicas 1 --cluster-yes
elif [ "$(field "$first" cluster_slots_assigned)" != 16384 ] || [ "$(field "$first" cluster_known_nodes)" -lt $# ]; then
  # A start was cut off while it made the cluster: nothing is stored yet, so each forgets what it was told, and it is made anew. A server that
  # lost its disk looks like that too; so all are asked first, since a reset empties a replica, and a master with keys refuses it too late.
  for each in "$@"; do
    [ "$(ask "$each" dbsize)" = 0 ] || { echo "$each holds keys (or does not say): nothing is reset" >&2; exit 1; }
  done
  echo "a cluster was left half made; it is made anew"
  for each in "$@"; do
    [ "$(ask "$each" cluster reset hard)" = OK ] || { echo "$each cannot be reset" >&2; exit 1; }
  done
  redis-cli --cluster create "$@" --cluster-replicas 1 --cluster-yes
fi
for each in "$@"; do
  wait_for "$each serves" serves "$each"
  wait_for "$each follows" follows "$each"
done
echo "the cluster of $# is there"
