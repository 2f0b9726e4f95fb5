#!/bin/sh
# Prints the site file for nginx on a host of its own:
#   sh deploy/nginx/site.sh echs.example.org >/etc/nginx/sites-available/echs
# Then link it into sites-enabled, remove the default site, and `nginx -t && systemctl reload nginx`. Each name below may be
# set in the environment; ECHS_LISTEN_HTTPS=[::]:443 and ECHS_LISTEN_HTTP=[::]:80 are for a host with IPv6 only. The server is told whom to believe with ECHS_TRUSTED_PROXIES=127.0.0.1.
set -eu

host=${1:?which host name?}

sed -e "s|\${ECHS_HOST}|$host|g" \
    -e "s|\${ECHS_LISTEN_HTTPS}|${ECHS_LISTEN_HTTPS:-443}|g" \
    -e "s|\${ECHS_LISTEN_HTTP}|${ECHS_LISTEN_HTTP:-80}|g" \
    -e "s|\${ECHS_UPSTREAM}|${ECHS_UPSTREAM:-127.0.0.1:8080}|g" \
    -e "s|\${ECHS_TLS_CERT}|${ECHS_TLS_CERT:-/etc/ssl/echs/tls.crt}|g" \
    -e "s|\${ECHS_TLS_KEY}|${ECHS_TLS_KEY:-/etc/ssl/echs/tls.key}|g" \
    -e "s|\${ECHS_CLIENT_CERTIFICATES}|${ECHS_CLIENT_CERTIFICATES:-optional_no_ca}|g" \
    "$(dirname "$0")/echs.conf.template"
