#!/bin/sh
# Starts mongod with the members' key, which it wants to own and to be readable by nobody else; the secret's file is shared by a group.
set -eu
cp "$KEYFILE" /tmp/keyfile
chmod 0400 /tmp/keyfile
exec mongod --keyFile /tmp/keyfile "$@"
