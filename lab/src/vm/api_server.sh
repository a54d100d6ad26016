#!/usr/bin/env bash
# An API server with its own empty etcd, on 127.0.0.1:6443: api_server.sh FOLDER
# FOLDER/admin.conf is its administrator's kubeconfig. The tokens have no value: nothing outside reaches the server.
set -euo pipefail
folder=$1
printf '%s\n' admin,admin,admin,system:masters proxy,system:kube-proxy,proxy >"$folder/tokens"
openssl genrsa -out "$folder/accounts.key" 2048 2>/dev/null
etcd --data-dir "$folder/etcd" --unsafe-no-fsync --log-level error >"$folder/etcd.log" 2>&1 &
kube-apiserver --etcd-servers=http://127.0.0.1:2379 --bind-address=127.0.0.1 --advertise-address=192.0.2.1 \
  --endpoint-reconciler-type=none --cert-dir="$folder/certificates" --token-auth-file="$folder/tokens" \
  --authorization-mode=RBAC --service-account-issuer=https://kubernetes.default.svc \
  --service-account-key-file="$folder/accounts.key" --service-account-signing-key-file="$folder/accounts.key" \
  --service-cluster-ip-range=10.96.0.0/12 >"$folder/api.log" 2>&1 &
export KUBECONFIG=$folder/admin.conf
{
  kubectl config set-cluster pair --server=https://127.0.0.1:6443 --insecure-skip-tls-verify
  kubectl config set-credentials admin --token=admin
  kubectl config set-context pair --cluster=pair --user=admin
  kubectl config use-context pair
} >/dev/null
wait
