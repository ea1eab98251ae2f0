#!/bin/sh
# Starts nginx with /etc/wenming/nginx in a folder that may be empty at every start (a tmpfs). What nginx writes as its log goes to the
# container's log, which bounds and rotates it.
set -eu
folder=${WENMING_NGINX_FOLDER:-/var/lib/wenming-nginx}
configuration=${WENMING_NGINX_CONFIGURATION:-/etc/wenming/nginx/nginx.conf}
mkdir -p "$folder/run" "$folder/logs" "$folder/cache" "$folder/tmp" "$folder/challenge"
ln -sf /dev/stdout "$folder/logs/access.log"
ln -sf /dev/stderr "$folder/logs/error.log"
ln -sf /dev/stderr "$folder/logs/requests.log"
exec nginx -p "$folder" -c "$configuration" -g "daemon off;" "$@"
