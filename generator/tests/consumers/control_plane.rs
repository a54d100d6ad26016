//! A control plane that kubeadm creates from a delivery: etcd, the API server and haproxy run with the flags
//! and certificates that they have on a host. Credentials of this cluster give exactly their own rights, a
//! second control plane joins (`--dry-run`), and credentials of another cluster are refused.

use libtest_mimic::Failed;

use crate::consumer::{NAMESPACES, need};
use crate::namespace::inside_with_processes;
use crate::need::Need;
use crate::secrets;

pub(crate) const NEEDS: &[Need] = &[
    NAMESPACES,
    need("type kubeadm", "no kubeadm"),
    need("type etcd kube-apiserver kubectl", "no etcd, kube-apiserver or kubectl"),
    need("type haproxy", "no haproxy"),
    need("type curl openssl", "no curl or openssl"),
];

/// From the delivery to the join of a second control plane.
pub(crate) fn serves_and_accepts_join() -> Result<(), Failed> {
    let steps =
        [SETTINGS, DELIVER, INIT, AUTHORISE, RENEW, SET, HARDENED, OVERLAY, JOIN, REFUSE].concat();
    secrets::run(inside_with_processes, &steps)
}

/// Settings of the user's own.
const SETTINGS: &str = r#"
cat >>topology.toml <<'TEXT'

[kubeadm]
cert_sans = ["api.example.com"]

[kubeadm.feature_gates]
ContainerStopSignals = true

[kubeadm.api_server]
enable-admission-plugins = "NodeRestriction,AlwaysPullImages"

[kubeadm.etcd]
quota-backend-bytes = 4294967296
TEXT
"#;

/// They have their effect in the running programs.
const SET: &str = r#"
kubectl create --filename - >/dev/null <<'TEXT'
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pulled", "namespace": "kube-system"},
 "spec": {"containers": [{"name": "pulled", "image": "pulled:1"}]}}
TEXT
same "$(kubectl --namespace kube-system get pod pulled --output 'jsonpath={.spec.containers[0].imagePullPolicy}')" Always
same "$(kubectl get --raw /readyz --tls-server-name api.example.com)" ok
refused kubectl get --raw /readyz --tls-server-name other.example.com
expect_text 'certificate is valid for' refusal
grep -qxF -- '--quota-backend-bytes=4294967296' <(printf '%s\n' "${etcd[@]}")
kubectl get --raw /metrics >metrics
expect_text 'kubernetes_feature_enabled{name="ContainerStopSignals",stage="ALPHA"} 1' metrics
"#;

/// docs/hardening.md, on the programs that run.
const HARDENED: &str = r#"
code() { curl --silent --insecure --output /dev/null --write-out '%{http_code}' "https://10.66.66.1:6443$1"; }
same "$(code /livez) $(code /readyz) $(code /healthz)" '200 200 200'
same "$(code /livez/etcd) $(code /version) $(code /api)" '401 401 401'
same "$(code /api/v1/namespaces/kube-public/configmaps/cluster-info)" 401

ciphers() { openssl s_client -connect "$1" -tls1_2 -cipher "$2" </dev/null 2>&1 | sed -n 's/^New, .*Cipher is //p'; }
for address in 10.66.66.1:6443 10.66.66.1:2379; do
  same "$(ciphers $address ECDHE-ECDSA-AES128-GCM-SHA256) $(ciphers $address ECDHE-ECDSA-AES128-SHA)" \
    'ECDHE-ECDSA-AES128-GCM-SHA256 (NONE)'
done

refused kubectl get --raw /debug/pprof/
expect_text 'the server could not find the requested resource' refusal

kubectl --namespace created create serviceaccount default >/dev/null
pod() { kubectl --namespace created run "$1" --image=pulled:1 --dry-run=server "${@:2}"; }
pod plain >/dev/null
refused pod privileged --privileged
expect_text 'violates PodSecurity "baseline:latest": privileged' refusal
kubectl label namespace created pod-security.kubernetes.io/enforce=privileged >/dev/null
pod privileged --privileged >/dev/null

audit=/var/log/kubernetes/audit/audit.log
in_etcd() { grep --recursive --quiet --text --fixed-strings -e "$1" /var/lib/etcd/member; }
kubectl --namespace created create configmap canary --from-literal=key=canary-of-the-configmap >/dev/null
kubectl --namespace created create secret generic canary --from-literal=key=canary-of-the-secret >/dev/null
in_etcd canary-of-the-configmap
refused in_etcd canary-of-the-secret
grep '"verb":"create"' $audit | grep -F '"resource":"secrets","namespace":"created","name":"canary"' >/dev/null
refused grep -F canary-of-the $audit

# docs/operations.md, "Replace the key that encrypts Secrets".
name_of_key() { sed -n 's/^ *- name: "\?\(key-[0-9a-f]*\)"\?$/\1/p' /etc/meshwright/api-server/encryption.yaml | sed -n "$1p"; }
deliver_keys() {
  local reloads
  reloads=$(reloads)
  meshwright export alpha | tar -x -C / --no-same-owner etc/meshwright/api-server
  until (($(reloads) > reloads)); do
    ((SECONDS < 550)) || { tail -n 20 server.log; exit 1; }
    sleep 1
  done
}
reloads() { kubectl get --raw /metrics | sed -n 's/^apiserver_encryption_config_controller_automatic_reloads_total{.*status="success"} //p' | grep . || echo 0; }
canary() { kubectl --namespace created get secret canary --output 'jsonpath={.data.key}' | base64 -d; }
keys=secrets/cluster/encryption.keys
first=$(name_of_key 1)
in_etcd "k8s:enc:secretbox:v1:$first:"
{ head -c 32 /dev/urandom | base64; cat $keys; } >new && cat new >$keys
deliver_keys
second=$(name_of_key 1)
same "$(name_of_key 2)" "$first"
refused in_etcd "k8s:enc:secretbox:v1:$second:"
same "$(canary)" canary-of-the-secret
kubectl get secrets --all-namespaces --output json | kubectl replace --filename - >/dev/null
in_etcd "k8s:enc:secretbox:v1:$second:"
sed -i 2d $keys
# A delivery of another store is refused, and this one is not.
tar -xOf alpha.tar usr/local/sbin/meshwright-node | sed -n '/^encryption=/p; /^check_encryption_keys() {$/,/^}$/p' >keys.sh
cat >>keys.sh <<'SCRIPT'
fail() { echo "$*"; exit 1; }
delivered=$1
check_encryption_keys
SCRIPT
for cluster in . other; do
  mkdir -p delivered/$cluster
  (cd $cluster && meshwright export alpha) | tar -x -C delivered/$cluster --no-same-owner etc/meshwright/api-server
done
bash -euo pipefail keys.sh delivered/.
refused bash -euo pipefail keys.sh delivered/other
expect_text "the delivery does not have the key that encrypts Secrets on this host, $second" refusal
deliver_keys
same "$(name_of_key 2)" ''
same "$(canary)" canary-of-the-secret
"#;

/// The functions of apply.sh apply manifests of the user's own: a new object, and a field of an object that exists, but no
/// field that another program has set, and no field of an object of apply.sh. A kind of one file is served before an object
/// of it in the next. A second run changes nothing.
const OVERLAY: &str = r#"
mkdir -p overlaid/overlays
cd overlaid
object() { printf '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "%s", "namespace": "kube-system"}, "data": {%s}}\n' "$@"; }
object program '"set": "1"' | kubectl create --filename - >/dev/null
object ours '"set": "1"' | kubectl apply --filename - >/dev/null
object new '"a": "b"' >overlays/10-new.yaml
object program '"added": "2"' >overlays/20-added.yaml
cat >overlays/15-kind.yaml <<'TEXT'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: sources.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Source, plural: sources, singular: source, listKind: SourceList}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
TEXT
echo '{"apiVersion": "example.com/v1", "kind": "Source", "metadata": {"name": "apps", "namespace": "default"}}' >overlays/16-source.yaml
for function in planned applied apply apply_overlays await_kinds is_overlay_safe; do
  sed -n "/^$function() {\$/,/^}\$/p" ../out/cluster/apply.sh
done >functions.sh
cat >>functions.sh <<'SCRIPT'
info() { echo "$*"; }
fail() { info "$*"; exit 1; }
dry_run=no changes=0 limit=60
apply_overlays
echo "$changes changes"
SCRIPT
bash -euo pipefail functions.sh >applied
expect_text '4 changes' applied
bash -euo pipefail functions.sh >again
expect_text '0 changes' again
values() { kubectl --namespace kube-system get configmap "$1" --output 'jsonpath={.data}'; }
same "$(values program)" '{"added":"2","set":"1"}'
same "$(values new)" '{"a":"b"}'
object program '"set": "3"' >overlays/30-owned.yaml
refused bash -euo pipefail functions.sh
expect_text 'conflict with "kubectl-create"' refusal
object ours '"added": "2"' >overlays/30-owned.yaml
refused bash -euo pipefail functions.sh
expect_text 'fields cannot be added to it' refusal
same "$(values program) $(values ours)" '{"added":"2","set":"1"} {"set":"1"}'
cd ..
"#;

/// The deliveries to alpha and beta, and those of another cluster with the same topology.
const DELIVER: &str = r#"
mkdir other && cp topology.toml other
for cluster in . other; do
  (
    cd $cluster
    meshwright keys && meshwright generate
    meshwright export alpha >alpha.tar && meshwright export beta --join >beta.tar
    meshwright kubeconfig laptop --to admin.conf
    meshwright kubeconfig laptop --role view --to view.conf
  ) >>log 2>&1 || { cat log; exit 1; }
done
"#;

/// The steps of `kubeadm init` except the start of kubelet: the script runs the commands of the static pods'
/// manifests. These namespaces have no user except root, so haproxy stays root.
const INIT: &str = r#"
ip link set lo up
ip link add wg0 type veth peer name underlay
ip address add 10.66.66.1/24 dev wg0
ip link set underlay up
ip link set wg0 up
become() {
  mount -t tmpfs etc /etc
  mount -t tmpfs lib /var/lib
  mount -t tmpfs log /var/log
  tar -xf "$1" -C / --no-same-owner etc/kubernetes etc/haproxy etc/meshwright/api-server
  tar -xOf "$1" etc/meshwright/hosts >/etc/hosts
}
become alpha.tar
config=/etc/kubernetes/kubeadm.yaml
for phase in 'certs all' 'kubeconfig super-admin' 'etcd local' 'control-plane apiserver'; do
  kubeadm init phase $phase --config $config >>kubeadm.log 2>&1 || { cat kubeadm.log; exit 1; }
done
command_of() { sed -n '/^  - command:$/,/^    image:/s/^    - //p' "/etc/kubernetes/manifests/$1.yaml"; }
mapfile -t etcd < <(command_of etcd)
mapfile -t server < <(command_of kube-apiserver)
sed '/^  \(user\|group\|log\) /d' /etc/haproxy/haproxy.cfg >haproxy.cfg
"${etcd[@]}" --unsafe-no-fsync --log-level error >etcd.log 2>&1 &
"${server[@]}" >server.log 2>&1 &
haproxy -db -f haproxy.cfg >haproxy.log 2>&1 &
export KUBECONFIG=/etc/kubernetes/super-admin.conf
same "$(kubectl config view --output 'jsonpath={.clusters[0].cluster.server}')" https://k8s-api.atlas.internal:6443
until kubectl get --raw /readyz >/dev/null 2>&1; do
  ((SECONDS < 300)) || { tail -n 20 ./*.log; exit 1; }
  sleep 0.2
done
# Through haproxy, which asked /readyz of both over TLS.
until grep -q 'control_planes/beta is DOWN' haproxy.log && grep -q 'control_planes/alpha is UP, reason: Layer7 check passed, code: 200' haproxy.log; do
  ((SECONDS < 300)) || { cat haproxy.log; exit 1; }
  sleep 0.2
done
kubeadm init phase upload-config all --config $config --kubeconfig $KUBECONFIG >>kubeadm.log 2>&1
kubeadm init phase bootstrap-token --config $config --kubeconfig $KUBECONFIG --skip-token-print >>kubeadm.log 2>&1
"#;

/// kubeadm binds its group of administrators late in `init`, and a controller aggregates the rules of `view`.
/// Neither runs here, so the script does both.
const AUTHORISE: &str = r#"
expect_text() { grep -qF -e "$1" "$2" || { echo "missing: $1"; grep -v '^ ' "$2"; exit 1; } >&2; }
may() {
  local answer
  answer=$(kubectl --kubeconfig "$1" auth can-i "${@:3}" 2>/dev/null) || true
  same "$1 ${*:3}: ${answer%% *}" "$1 ${*:3}: $2"
}
group() { kubectl --kubeconfig "$1" auth whoami --output 'jsonpath={.status.userInfo.username} {.status.userInfo.groups[0]}'; }
# kubeadm has created a token, and its validity has ended.
token_of() { kubectl --namespace kube-system get secrets --field-selector type=bootstrap.kubernetes.io/token --output "jsonpath={.items[*].data.$1}" | base64 -d; }
(($(date --date="$(token_of expiration)" +%s) <= $(date +%s)))
printf 'apiVersion: v1\nkind: Config\n' >token.conf
refused kubectl --kubeconfig token.conf --server https://10.66.66.1:6443 --certificate-authority /etc/kubernetes/pki/ca.crt \
  --token "$(token_of token-id).$(token_of token-secret)" get nodes
expect_text 'You must be logged in to the server' refusal
same "$(group admin.conf)" 'laptop kubeadm:cluster-admins'
same "$(group view.conf)" 'laptop meshwright:viewers'
may admin.conf no list pods
may view.conf no list pods
kubectl create clusterrolebinding kubeadm:cluster-admins --clusterrole=cluster-admin --group=kubeadm:cluster-admins >/dev/null
kubectl apply --filename out/cluster/access.yaml >/dev/null
rules=$(kubectl get clusterrole system:aggregate-to-view --output 'jsonpath={.rules}')
kubectl patch clusterrole view --type merge --patch "{\"rules\":$rules}" >/dev/null
may admin.conf yes '*' '*'
may view.conf yes list pods --all-namespaces
may view.conf no get secrets --all-namespaces
may view.conf no list nodes
may view.conf no delete pods --all-namespaces
kubectl --kubeconfig admin.conf create namespace created >/dev/null
kubectl delete clusterrolebinding meshwright:viewers >/dev/null
may view.conf no list pods --all-namespaces
"#;

/// The delivered script replaces kube-proxy of its own node with kubelet's credential, after a change of the API's
/// address, and no other pod.
const RENEW: &str = r#"
kubeadm init phase kubeconfig kubelet --config $config >>kubeadm.log 2>&1
kubectl --namespace kube-system create serviceaccount default >/dev/null
for node in alpha beta; do
  kubectl create --filename - >/dev/null <<TEXT
{"apiVersion": "v1", "kind": "Pod",
 "metadata": {"name": "kube-proxy-$node", "namespace": "kube-system", "labels": {"k8s-app": "kube-proxy"}},
 "spec": {"nodeName": "$node", "containers": [{"name": "kube-proxy", "image": "kube-proxy"}]}}
TEXT
done
tar -xOf alpha.tar usr/local/sbin/meshwright-node | sed -n '/^renew_hosts() {$/,/^}$/p' >renew.sh
cat >>renew.sh <<'SCRIPT'
MESHWRIGHT_NODE=alpha address=10.66.66.1
info() { echo "$*"; }
in_cluster() { :; }
api_in_hosts() { echo "$address"; }
merge_hosts() { address=${1-$address}; }
renew_hosts
merge_hosts() { address=127.0.0.1; }
SCRIPT
deleted() {
  kubectl --namespace kube-system get pods --output 'jsonpath={range .items[*]}{.metadata.name}:{.metadata.deletionTimestamp} {end}' |
    sed -E 's/[0-9]+-[^ ]+Z/deleted/g'
}
bash -euo pipefail renew.sh
same "$(deleted)" 'kube-proxy-alpha: kube-proxy-beta: '
echo renew_hosts >>renew.sh
same "$(bash -euo pipefail renew.sh)" ''
same "$(deleted)" 'kube-proxy-alpha:deleted kube-proxy-beta: '
"#;

/// Preflight errors about this machine are ignored, because it is not a real host.
const JOIN: &str = r#"
ip address add 10.66.66.2/24 dev wg0
tar -xf beta.tar -C / --no-same-owner etc/kubernetes/{discovery.conf,join.crt,join.key}
discovery=/etc/kubernetes/discovery.conf
same "$(group $discovery)" 'system:node:beta system:nodes'
may $discovery yes create certificatesigningrequests.certificates.k8s.io
# The permissions by which the controller approves a request: for the own name, and for any node's name.
may $discovery yes create certificatesigningrequests.certificates.k8s.io --subresource selfnodeclient
may $discovery no create certificatesigningrequests.certificates.k8s.io --subresource nodeclient
may $discovery no get nodes/alpha
may $discovery no get secrets --all-namespaces
may $discovery no list pods --all-namespaces
machine=CRI,ContainerRuntimeVersion,FileContent--proc-sys-net-ipv4-ip_forward,Hostname,KubeletVersion
machine+=,Mem,NumCPU,Service-kubelet,Swap,SystemVerification
cat >join <<'SCRIPT'
become beta.tar
env -u KUBECONFIG timeout 300 kubeadm join --dry-run --config $config --ignore-preflight-errors=$machine
SCRIPT
export config machine && export -f become
unshare --mount bash -euo pipefail join >joined 2>&1 || { grep -v '^ ' joined | tail -n 20; exit 1; }
for line in \
  '[etcd] Would add etcd member: https://10.66.66.2:2380' \
  '[control-plane-join] Would mark node beta as a control-plane' \
  'KUBELET_KUBEADM_ARGS="--node-ip=10.66.66.2 --node-labels=topology.kubernetes.io/zone=beta --hostname-override=beta' \
  '--advertise-address=10.66.66.2' '--bind-address=10.66.66.2' 'address: 10.66.66.2'; do
  expect_text "$line" joined
done
# The load balancer has the port on loopback, and kubeadm's check tests every address.
cat >join-checked <<'SCRIPT'
become beta.tar
sed '/^  ignorePreflightErrors:$/d; /^  - Port-6443$/d' $config >checked.yaml
env -u KUBECONFIG timeout 300 kubeadm join phase preflight --config checked.yaml --ignore-preflight-errors=$machine
SCRIPT
refused unshare --mount bash -euo pipefail join-checked
expect_text '[ERROR Port-6443]: Port 6443 is in use' refusal
same "$(grep -c '\[ERROR ' refusal)" 1
"#;

/// Neither cluster accepts the other: this server refuses the other's credentials, and the other's kubeconfigs
/// do not trust this server.
const REFUSE: &str = r#"
unknown_authority='x509: certificate signed by unknown authority'
refused kubectl --kubeconfig other/admin.conf get nodes
expect_text "$unknown_authority" refusal
refused kubectl --kubeconfig other/admin.conf --insecure-skip-tls-verify get nodes
expect_text 'You must be logged in to the server' refusal
tar -xf other/beta.tar -C / --no-same-owner etc/kubernetes/{discovery.conf,join.crt,join.key}
refused kubectl --kubeconfig /etc/kubernetes/discovery.conf get nodes
expect_text "$unknown_authority" refusal
"#;
