#!/usr/bin/env bash
# generated from topology.toml by meshwright; do not edit
# Applies its folder to the cluster in steps, and waits for the conditions of the next step. A second run changes
# nothing. The program is the same for every cluster; the differences are in the variables at its head.
set -euo pipefail

if (( BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] < 404 )); then
  printf 'meshwright: missing: bash 4.4 or newer; this is %s\n' "$BASH_VERSION" >&2
  exit 3
fi

cluster='tiny'
init='one'
nodes=(
  one
  six
)
control_planes=(
  one
)

# The labels and taints of each node, besides those of other programs; a node without entry has none.
declare -A labels=() taints=()
labels[one]='topology.kubernetes.io/zone=gcp'
taints[one]='node-role.kubernetes.io/control-plane:NoSchedule'
labels[six]='example.com/disk=ssd topology.kubernetes.io/zone=aws'
taints[six]='example.com/edge=true:NoSchedule'

# The API's name, and the address that each node has for it in /etc/hosts.
api='k8s-api.tiny.internal 172.20.5.1'

# Secrets are not in the folder: --secrets names the folder of their manifests. Empty if there is none.
bgp_secret='bgp-password.yaml'
tunnel_secret=''

# The objects of Calico's API, applied when it is served; bgp.yaml is applied last.
calico_objects=(
  calico/ipam.yaml
  calico/felix.yaml
  calico/metadata.policy.yaml
)

# The route reflectors, their label, and the annotation that configures one: kubelet cannot set it.
reflectors=(
)
reflector_label='route-reflector'
reflector_annotation='projectcalico.org/RouteReflectorClusterID'
reflector_id='244.0.0.1'

# The Ingress controller: the name of its chart, release and namespace; empty if there is none.
ingress=''
ingress_deployment=''
ingress_pods=''
ingress_manifests=(
)

# Values of the user's own for the chart, if the file exists.
own_values=own/ingress/values.yaml

# The permissions of kubeconfigs with the role view, or empty.
viewers=''

# The echo app, or empty.
hello=''

# Namespaces that this topology does not use but an earlier one may have used, and the command that removes each.
left_over=(
  'cloudflared kubectl delete namespace cloudflared'
  'hello kubectl delete namespace hello'
  'ingress-nginx helm uninstall ingress-nginx --namespace ingress-nginx, then kubectl delete namespace ingress-nginx, then this again'
  'traefik helm uninstall traefik --namespace traefik, then kubectl delete namespace traefik, then this again'
)

# The external files by their names in [packages.sources]: the URL or path, and the checksum: a digest,
# `index:` the URL of the index of its repository, or empty for a file of the user's own.
declare -A version=() url=() checksum=()
version[calico-crds]='3.32.1'
url[calico-crds]='https://raw.githubusercontent.com/projectcalico/calico/v3.32.1/manifests/operator-crds.yaml'
checksum[calico-crds]='192f8b2d934ef24b62e86b7e1a6e1762d1c8af26a916f78057bc13fa5ed60f71'
version[calico-operator]='3.32.1'
url[calico-operator]='https://raw.githubusercontent.com/projectcalico/calico/v3.32.1/manifests/tigera-operator.yaml'
checksum[calico-operator]='f18e073794207d372606bc3ea6f8fd73972f86d6828f4ba666dfe0d4aa8ab07f'

# The limit of one wait, in seconds: images may come over slow lines.
limit=900

# A failure inside $( ) ends the script.
shopt -s inherit_errexit

usage() {
  cat <<'TEXT'
usage: apply.sh [--secrets DIR] [--patience SECONDS] [--watch FILE] [--dry-run]
  --secrets DIR       the folder with the manifests of the Secrets that `meshwright export --manifests` writes;
                      default: /etc/meshwright/secrets
  --patience SECONDS  how long to wait for nodes that have not joined or are not Ready; default: 120
  --watch FILE        end before the next step if this file changes
  --dry-run           check every input and print the steps, without using the network or the cluster

Required: kubectl, and a kubeconfig of the cluster in KUBECONFIG (default: /etc/kubernetes/admin.conf).

exit codes: 0 done, 1 a step failed, 2 usage, 3 an input is missing and nothing has been applied, 4 done except
what waits for nodes, which are named, 5 ended because the watched file has changed
TEXT
}

info() {
  printf 'meshwright: %s\n' "$*"
}

# The current step, and the exit code of the script if it fails.
doing=starting
code=1

fail() {
  printf 'meshwright: %s\n' "$*" >&2
  exit "$code"
}

step() {
  stop_if_replaced
  doing=$1
  info "$doing"
  "$2"
}

# A step can be interrupted before it and during its waits: everything that it has done so far stays.
stop_if_replaced() {
  [[ -n $watch && $(digest_of_file "$watch") != "$watched" ]] || return 0
  info "$watch has changed: the run ends here, and the next one starts with the new files"
  exit 5
}

digest_of_file() {
  sha256sum "$1" 2>/dev/null || true
}

# 4 and 5 are results, not failures.
end() {
  local status=$?
  [[ -z ${scratch-} ]] || rm -rf "$scratch"
  (( status != 0 && status != 4 && status != 5 )) || return 0
  printf 'meshwright: apply.sh stopped with code %s at: %s\n' "$code" "$doing" >&2
  exit "$code"
}

# In a dry run, prints the action and succeeds, so that the caller returns.
planned() {
  [[ $dry_run == yes ]] || return 1
  info "would $*"
}

# Runs a command that prints a result for each object, and counts the changed objects.
changes=0
applied() {
  local line output failed=0
  output=$("$@") || failed=$?
  while IFS= read -r line; do
    [[ -n $line ]] || continue
    info "$line"
    [[ $line != *' unchanged' && $line != *'(no change)' ]] || continue
    changes=$((changes + 1))
  done <<<"$output"
  return "$failed"
}

# Asks the API server whether the file would change anything: `kubectl apply` prints `configured` wherever the
# server has added a default to a list.
apply() {
  local file=$1
  shift
  ! planned "apply $file" || return 0
  if kubectl diff "$@" --filename "$file" >/dev/null 2>&1; then
    info "$file unchanged"
  else
    applied kubectl apply "$@" --filename "$file"
  fi
}

# Server-side, for objects that do not fit into the annotation of client-side apply, and for Secrets, which must
# not be copied into it.
apply_on_server() {
  apply "$1" --server-side --force-conflicts --field-manager=meshwright
}

patch() {
  local namespace=$1 object=$2 type=$3 file=$4
  ! planned "patch $object in $namespace with $file" || return 0
  applied kubectl --namespace "$namespace" patch "$object" --type "$type" --patch-file "$file"
}

# Replaces the pods of a workload if they were started with another file. Unlike `rollout restart`, it is not lost
# if this script is interrupted before it, and not repeated if nothing has changed.
replace_pods() {
  local namespace=$1 workload=$2 key=$3 file=$4 sum
  ! planned "replace the pods of $workload in $namespace if they have not started with $file" || return 0
  sum=$(sed '/^#/d' "$file" | sha256sum | cut -d ' ' -f 1)
  applied kubectl --namespace "$namespace" patch "$workload" --type merge \
    --patch "{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"$key\":\"$sum\"}}}}}"
}

# Runs a command of kubectl that waits, in parts of 20 s, so that the run can end during the wait.
wait_in_parts() {
  local message deadline=$(( SECONDS + limit ))
  until message=$("$@" --timeout=20s 2>&1 >/dev/null); do
    if [[ $message != *'timed out waiting for the condition'* ]] || (( SECONDS >= deadline )); then
      printf '%s\n' "$message" >&2
      return 1
    fi
    stop_if_replaced
  done
}

# One object at a time: with several, `kubectl wait --for=create` does not wait for those that do not exist
# (observed with kubectl 1.37.2, 2026-11).
await() {
  local condition=$1 object
  shift
  ! planned "wait until $* have the condition $condition" || return 0
  for object in "$@"; do
    wait_in_parts kubectl wait --for=create "$object"
    wait_in_parts kubectl wait --for="condition=$condition" "$object"
  done
}

await_rollout() {
  ! planned "wait for the pods of $2 in $1" || return 0
  wait_in_parts kubectl --namespace "$1" rollout status "$2"
}

read_arguments() {
  secrets=/etc/meshwright/secrets
  patience=120
  watch=
  dry_run=no
  while [[ -n ${1-} ]]; do
    case $1 in
      --secrets) [[ -n ${2-} ]] || bad_usage; secrets=$2; shift ;;
      --secrets=?*) secrets=${1#*=} ;;
      --patience=?* | --watch=?*) set -- "${1%%=*}" "${1#*=}" "${@:2}"; continue ;;
      --patience) [[ ${2-} =~ ^[0-9]+$ ]] || bad_usage; patience=$2; shift ;;
      --watch) [[ -n ${2-} ]] || bad_usage; watch=$2; shift ;;
      --dry-run) dry_run=yes ;;
      -h | --help) usage; exit 0 ;;
      *) bad_usage ;;
    esac
    shift
  done
  [[ $secrets == /* ]] || secrets=$PWD/$secrets
  [[ -z $watch || $watch == /* ]] || watch=$PWD/$watch
  watched=$(digest_of_file "$watch")
  export KUBECONFIG=${KUBECONFIG:-/etc/kubernetes/admin.conf}
  [[ $KUBECONFIG == /* ]] || KUBECONFIG=$PWD/$KUBECONFIG
}

bad_usage() {
  usage >&2
  exit 2
}

# Checks all inputs of this run before any of them is applied.
missing=()
check_inputs() {
  local program line
  for program in kubectl awk cut diff grep sha256sum sleep sort tar; do
    type "$program" >/dev/null 2>&1 || missing+=("the program $program")
  done
  [[ -r ${KUBECONFIG%%:*} ]] ||
    missing+=("the kubeconfig ${KUBECONFIG%%:*}: set KUBECONFIG to one of the cluster; $init has /etc/kubernetes/admin.conf")
  check_files
  check_sources
  [[ -n ${missing[*]-} ]] || return 0
  for line in "${missing[@]}"; do
    printf 'meshwright: missing: %s\n' "$line" >&2
  done
  fail 'nothing has been applied'
}

check_files() {
  local file
  local -a files=(
    calico/pod-annotations.policy.yaml calico/installation.yaml "${calico_objects[@]}" calico/bgp.yaml
    kube-proxy/kube-proxy.patch.yaml coredns/coredns.patch.yaml coredns/kube-dns.patch.yaml
    ${ingress_manifests[@]+"${ingress_manifests[@]}"}
  )
  [[ -z $ingress ]] || files+=("$ingress/values.yaml")
  [[ -z $bgp_secret ]] || files+=(calico/bgp-password.rbac.yaml)
  [[ -z $tunnel_secret ]] || files+=(cloudflared/namespace.yaml cloudflared/cloudflared.yaml)
  [[ -z $viewers ]] || files+=("$viewers")
  [[ -z $hello ]] || files+=("$hello")
  for file in "${files[@]}"; do
    [[ -r $file ]] || missing+=("$PWD/$file: copy the whole of out/cluster")
  done
  for file in $bgp_secret $tunnel_secret; do
    [[ -r $secrets/$file ]] ||
      missing+=("the Secret $secrets/$file: write it with \`meshwright export --manifests | tar -xC DIR\`, and name DIR with --secrets")
  done
}

# Helm itself is fetched if it is not installed, on Linux only.
check_sources() {
  local name remote=no
  sources=(calico-crds calico-operator)
  [[ -z $ingress ]] || sources+=("$ingress")
  helm=helm
  if [[ -n $ingress ]] && ! type helm >/dev/null 2>&1; then
    case $(uname -sm) in
      'Linux x86_64') helm='helm-amd64' ;;
      'Linux aarch64') helm='helm-arm64' ;;
      *) missing+=('the program helm') ;;
    esac
    [[ $helm == helm ]] || sources+=("$helm")
  fi
  for name in "${sources[@]}"; do
    case ${url[$name]} in
      /*) [[ -r ${url[$name]} ]] || missing+=("$name ${version[$name]} at ${url[$name]}, which [packages.sources.$name] names") ;;
      *) remote=yes ;;
    esac
  done
  if [[ $remote == yes ]] && ! type curl >/dev/null 2>&1 && [[ ! -x $apt_helper ]]; then
    missing+=('the program curl')
  fi
}

# apt-helper is on every Debian and Ubuntu; curl is not.
apt_helper=/usr/lib/apt/apt-helper
download() {
  local from=$1 to=$2
  if type curl >/dev/null 2>&1; then
    curl --fail --silent --show-error --location --retry 3 --output "$to" "$from"
  else
    "$apt_helper" -o APT::Sandbox::User=root download-file "$from" "$to" >/dev/null
  fi
}

# The required digest of a file, or empty. An index has one entry for each version, with sorted keys.
digest_of() {
  local name=$1 from=${checksum[$1]}
  case $from in
    index:*)
      download "${from#*:}" "$scratch/$name.index"
      awk -v chart="$name:" -v version="${version[$name]}" '
        /^  [^ -]/ { inside = $1 == chart }
        /^  - / { digest = "" }
        inside && /^    digest: / { digest = $2 }
        inside && /^    version: / && $2 == version { print digest; exit }
      ' "$scratch/$name.index"
      ;;
    *) printf '%s' "$from" ;;
  esac
}

compare() {
  local name=$1 file=$2 expected found
  [[ ${checksum[$name]} != index:* ]] ||
    info "$name ${version[$name]} is compared only with the index of the server that it comes from; to pin it, set sha256 of [packages.sources.$name]"
  expected=$(digest_of "$name")
  [[ -n $expected ]] || fail "${checksum[$name]#*:} has no checksum of $name ${version[$name]}"
  found=$(sha256sum "$file" | cut -d ' ' -f 1)
  [[ $found == "$expected" ]] ||
    fail "$name ${version[$name]} from ${url[$name]} has the SHA-256 $found, not $expected: if another file is intended, set its sha256 in [packages.sources.$name]"
}

# Sets the file of a name in `taken`. A fetched and compared file is cached by its URL.
declare -A taken=()
fetch() {
  local name=$1 from=${url[$1]} kept
  taken[$name]=$from
  if [[ $from == /* ]]; then
    [[ -z ${checksum[$name]} ]] || planned "compare $from" || compare "$name" "$from"
    return 0
  fi
  ! planned "fetch $name ${version[$name]} from $from" || return 0
  kept=$cache/$(printf '%s' "$from ${checksum[$name]}" | sha256sum | cut -c 1-16)-$name
  taken[$name]=$kept
  [[ ! -e $kept ]] || return 0
  mkdir -p "$cache"
  download "$from" "$kept.part" || fail "$name ${version[$name]} cannot be fetched from $from"
  compare "$name" "$kept.part"
  mv "$kept.part" "$kept"
  info "fetched $name ${version[$name]}"
}

fetch_sources() {
  local name
  cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/meshwright
  for name in "${sources[@]}"; do
    fetch "$name"
  done
  if [[ $helm != helm && $dry_run == no ]]; then
    tar -xzf "${taken[$helm]}" -C "$scratch" "linux-${helm#helm-}/helm"
    helm=$scratch/linux-${helm#helm-}/helm
  fi
}

# With the kubeconfig of another cluster, this script would damage that cluster.
check_cluster() {
  ! planned "check that the cluster has the node $init" || return 0
  kubectl get --raw /readyz >/dev/null
  kubectl get "node/$init" --output name >/dev/null ||
    fail "the cluster of $KUBECONFIG has no node $init, so it is not $cluster"
}

# kubelet sets labels and taints only when it registers its node. The annotations of a node name those that an
# earlier run has set: they are removed if the topology has them no longer. All others belong to other programs.
# Nodes that have not joined have none of this, and kubelet registers them with it.
set_labels_and_taints() {
  local round conflicts
  ! planned "set the labels and taints of ${nodes[*]/#/node/}" || return 0
  for round in 1 2 3 4 5; do
    conflicts=0
    update_nodes
    (( conflicts > 0 )) || return 0
  done
  fail "other programs have changed the taints of nodes during each of $round attempts"
}

# Name, version, labels, ours among them, taints, ours among them.
nodes_template='{{range .items}}{{.metadata.name}}|{{.metadata.resourceVersion}}|'
# shellcheck disable=SC2016 # variables of the template
nodes_template+='{{range $key, $value := .metadata.labels}}{{$key}}={{$value}} {{end}}|'
nodes_template+='{{with .metadata.annotations}}{{or (index . "meshwright/labels") ""}}{{end}}|'
nodes_template+='{{range .spec.taints}}{{.key}}{{with .value}}={{.}}{{end}}:{{.effect}}@{{or .timeAdded ""}} {{end}}|'
nodes_template+='{{with .metadata.annotations}}{{or (index . "meshwright/taints") ""}}{{end}}{{"\n"}}{{end}}'

update_nodes() {
  local found node version has_labels had_labels has_taints had_taints
  found=$(kubectl get nodes --output go-template="$nodes_template")
  while IFS='|' read -r node version has_labels had_labels has_taints had_taints; do
    [[ " ${nodes[*]} " != *" $node "* ]] || update_node
  done <<<"$found"
}

# One patch, so that the annotations are true even if this script is interrupted. With the version it is refused if
# the node has changed meanwhile: a list of taints is replaced as a whole.
update_node() {
  local labels_patch='' annotations_patch='' taints_patch='' precondition='' keys='' ids=''
  compare_labels "${labels[$node]-}"
  compare_taints "${taints[$node]-}"
  [[ $keys == "$had_labels" ]] || annotations_patch+=",\"meshwright/labels\":\"$keys\""
  [[ $ids == "$had_taints" ]] || annotations_patch+=",\"meshwright/taints\":\"$ids\""
  [[ -n $labels_patch$annotations_patch$taints_patch ]] || return 0
  [[ -z $taints_patch ]] || precondition=",\"resourceVersion\":\"$version\""
  patch_node "{\"metadata\":{\"labels\":{${labels_patch#,}},\"annotations\":{${annotations_patch#,}}$precondition}$taints_patch}"
}

patch_node() {
  local message
  if message=$(kubectl patch "node/$node" --type merge --patch "$1" 2>&1); then
    info "$message"
    changes=$((changes + 1))
  elif [[ $message == *Conflict* ]]; then
    conflicts=$((conflicts + 1))
  else
    fail "$message"
  fi
}

# Sets `keys` to the keys of these labels, and `labels_patch` to what is missing or no longer wanted.
compare_labels() {
  local wanted=$1 label key
  for label in $wanted; do
    keys+="${keys:+ }${label%%=*}"
    [[ " $has_labels" == *" $label "* ]] || labels_patch+=",\"${label%%=*}\":\"${label#*=}\""
  done
  for key in $had_labels; do
    [[ " $keys " == *" $key "* || " $has_labels" != *" $key="* ]] || labels_patch+=",\"$key\":null"
  done
}

# Sets `ids` to the keys and effects of these taints, and `taints_patch` to the whole list if it changes. A taint is
# identified by key and effect; behind `@` is the time since which it evicts pods.
compare_taints() {
  local wanted=$1 taint id list='' differs=no
  for taint in $wanted; do
    id=${taint%%[=:]*}:${taint##*:}
    ids+="${ids:+ }$id"
    [[ " $has_taints" == *" $taint@"* ]] || { add_taint "$taint" ''; differs=yes; }
  done
  for taint in $has_taints; do
    id=${taint%@*}
    id=${id%%[=:]*}:${id##*:}
    if [[ " $wanted " == *" ${taint%@*} "* || " $ids $had_taints " != *" $id "* ]]; then
      add_taint "${taint%@*}" "${taint##*@}"
    else
      differs=yes
    fi
  done
  [[ $differs == no ]] || taints_patch=",\"spec\":{\"taints\":[${list#,}]}"
}

add_taint() {
  local key=${1%%[=:]*} value='' since=$2
  [[ $1 != *=* ]] || { value=${1#*=}; value=${value%:*}; }
  list+=",{\"key\":\"$key\",\"effect\":\"${1##*:}\"${value:+,\"value\":\"$value\"}${since:+,\"timeAdded\":\"$since\"}}"
}

# The first step, since pods that exist before the policy keep their annotations: no pod may set its own address.
guard_pod_addresses() {
  apply calico/pod-annotations.policy.yaml
}

install_operator() {
  apply_on_server "${taken[calico-crds]}"
  await Established crd/installations.operator.tigera.io crd/apiservers.operator.tigera.io \
    crd/tigerastatuses.operator.tigera.io
  apply_on_server "${taken[calico-operator]}"
  await_rollout tigera-operator deployment/tigera-operator
}

install_calico() {
  apply calico/installation.yaml
}

# Calico's API server runs in the pod network, so Calico works when it is available. The status `calico` requires
# every node, and one node that is switched off would stop the script here: it is awaited with the nodes.
await_calico() {
  await Available tigerastatus/apiserver
  await Available apiservice/v3.projectcalico.org
}

apply_bgp_password() {
  apply calico/bgp-password.rbac.yaml
  apply_on_server "$secrets/$bgp_secret"
}

# The pods are awaited with the nodes: those of a node that is off cannot be replaced.
#
# BIRD reads bindMode only when it starts (observed with Calico 3.32.1, 2026-11). But bindMode is set through
# Calico's API, which is served by a pod, and pods need calico-node. So the first calico-node starts without it,
# on the init node only and behind its firewall, and is replaced here.
apply_calico_objects() {
  local file
  for file in "${calico_objects[@]}"; do
    apply "$file"
  done
  configure_bgp
}

# The annotation takes a node out of the full mesh at once (observed with Calico 3.32.1, 2026-11), and without the mesh
# a node has routes from the reflectors alone. So a reflector gets its label, then the sessions beside the mesh, then
# the annotation, and the mesh ends last, when one of them is Ready. Former reflectors come back in the reverse order.
configure_bgp() {
  if [[ -n ${reflectors[*]-} ]]; then
    mark_reflectors labels "$reflector_label" true
    apply_reflector_sessions
    mark_reflectors annotations "$reflector_annotation" "$reflector_id"
    has_reflector || return 0
  fi
  apply calico/bgp.yaml
  replace_pods calico-system daemonset/calico-node checksum/bgp calico/bgp.yaml
  release_reflectors
}

# Only nodes that have joined; the others are marked when all have joined.
mark_reflectors() {
  local field=$1 key=$2 value=$3 node
  for node in "${reflectors[@]}"; do
    ! planned "set $key=$value on node/$node" || continue
    [[ -n $(kubectl get "node/$node" --ignore-not-found --output name) ]] || continue
    mark "$node" "$field" "$key" "\"$value\""
  done
}

mark() {
  applied kubectl patch "node/$1" --type merge --patch "{\"metadata\":{\"$2\":{\"$3\":$4}}}"
}

# The first document of the file is the BGPPeer, the second ends the full mesh.
apply_reflector_sessions() {
  ! planned 'apply the BGPPeer of calico/bgp.yaml' || return 0
  sed '/^---$/,$d' calico/bgp.yaml >"$scratch/bgp-peer.yaml"
  apply "$scratch/bgp-peer.yaml"
}

has_reflector() {
  local node
  ! planned 'keep the full mesh until a route reflector is Ready' || return 0
  look_for_nodes
  for node in "${reflectors[@]}"; do
    ! have_joined "$node" || return 0
  done
  info "no route reflector is Ready: the full mesh of BGP sessions stays"
  return 1
}

# A node of an earlier topology, by the label and our annotation; reflectors of another program have another id.
release_reflectors() {
  local found node id
  ! planned "look for former route reflectors" || return 0
  found=$(kubectl get nodes --selector "$reflector_label=true" --output \
    jsonpath="{range .items[*]}{.metadata.name} {.metadata.annotations.${reflector_annotation//./\\.}}{\"\\n\"}{end}")
  while read -r node id; do
    [[ -n $node && " ${reflectors[*]-} " != *" $node "* ]] || continue
    [[ -z $id || $id == "$reflector_id" ]] || continue
    mark "$node" annotations "$reflector_annotation" null
    mark "$node" labels "$reflector_label" null
  done <<<"$found"
}

configure_kube_proxy() {
  patch kube-system configmap/kube-proxy merge kube-proxy/kube-proxy.patch.yaml
}

# kube-proxy reads its configuration when it starts; kubeadm has written the same values in another order, so the
# first run replaces the pods once. It resolves the API's name by a copy of its node's /etc/hosts, also made when it
# starts: after the step from one control plane to several, old pods call the first one only, and no new Service
# works on their nodes once it is gone (observed with Kubernetes 1.37.2, 2026-11). So they are replaced for a new
# address too, when all control planes have joined, which is after the deliveries that change /etc/hosts.
renew_kube_proxy() {
  local sum annotations
  ! planned "replace the pods of daemonset/kube-proxy in kube-system if they have not started with kube-proxy/kube-proxy.patch.yaml and $api" || return 0
  sum=$(sed '/^#/d' kube-proxy/kube-proxy.patch.yaml | sha256sum | cut -d ' ' -f 1)
  annotations="\"checksum/config\":\"$sum\""
  ! have_joined "${control_planes[@]}" || annotations+=",\"meshwright/api\":\"$api\""
  applied kubectl --namespace kube-system patch daemonset/kube-proxy --type merge \
    --patch "{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{$annotations}}}}}"
}

# Whether none of these nodes is in `waiting`.
have_joined() {
  local node line
  for node in "$@"; do
    for line in "${waiting[@]}"; do
      [[ $line != "node/$node: "* ]] || return 1
    done
  done
}

# cloudflared reads its credential when it starts.
install_tunnel() {
  apply cloudflared/namespace.yaml
  apply_on_server "$secrets/$tunnel_secret"
  apply cloudflared/cloudflared.yaml
  replace_pods cloudflared deployment/cloudflared checksum/credential "$secrets/$tunnel_secret"
}

# `helm upgrade --install` instead of `helm template | kubectl apply`: it removes objects that a new chart no longer
# has, and runs the chart's hooks, which create the certificate of the admission webhook. It creates a revision each
# time, so it is skipped if the last one was made from these files and the cluster still matches it. Both
# controllers use the same class: this release takes over the class of the other.
install_ingress() {
  local manifest file description last
  local -a files=("$ingress/values.yaml") values=()
  for manifest in "${ingress_manifests[@]}"; do
    apply "$manifest"
  done
  # Of two values with the same key, helm uses that of the last file.
  [[ ! -e $own_values ]] || files=("$own_values" "${files[@]}")
  for file in "${files[@]}"; do
    values+=(--values "$file")
  done
  ! planned "install the chart $ingress ${version[$ingress]} with ${files[*]}" || return 0
  description="meshwright $(cat "${taken[$ingress]}" "${files[@]}" | sha256sum | cut -d ' ' -f 1)"
  last=$("$helm" history "$ingress" --namespace "$ingress" --max 1 --output json 2>/dev/null) || last=
  case $last in
    *'"status":"pending-install"'*) fail "helm was interrupted: \`helm uninstall $ingress --namespace $ingress\`, then run this again" ;;
    *'"status":"pending-'*) fail "helm was interrupted: \`helm rollback $ingress --namespace $ingress\`, then run this again" ;;
    *'"status":"deployed"'*"$description"*) ! is_as_installed || return 0 ;;
  esac
  "$helm" upgrade --install "$ingress" "${taken[$ingress]}" --namespace "$ingress" \
    "${values[@]}" --description "$description" --take-ownership --timeout "${limit}s" >/dev/null
  changes=$((changes + 1))
  info "chart $ingress ${version[$ingress]} installed"
}

is_as_installed() {
  "$helm" get manifest "$ingress" --namespace "$ingress" |
    kubectl --namespace "$ingress" diff --filename - >/dev/null 2>&1 || return 1
  info "chart $ingress ${version[$ingress]} unchanged"
}

# What is not done because nodes are not there, one line each.
waiting=()

# All waits for nodes together end at this time, in seconds of the script's life.
nodes_deadline=
nodes_may_come() {
  [[ -n $nodes_deadline ]] || nodes_deadline=$(( SECONDS + patience ))
  (( SECONDS < nodes_deadline )) || return 1
  stop_if_replaced
  sleep 2
}

# Sets `waiting` to the nodes that have not joined or are not Ready.
look_for_nodes() {
  local node found
  found=$'\n'$(kubectl get nodes --output \
    jsonpath='{range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}')$'\n'
  waiting=()
  for node in "${nodes[@]}"; do
    case $found in
      *$'\n'"$node True"$'\n'*) ;;
      *$'\n'"$node "*) waiting+=("node/$node: not Ready") ;;
      *) waiting+=("node/$node: not joined") ;;
    esac
  done
}

# A node that is off must not keep back what the others can have. The pods of a DaemonSet are replaced one node at
# a time, and a node that is not Ready stops that: then the pods are not awaited.
await_nodes() {
  ! planned "wait ${patience} s for ${nodes[*]/#/node/} to be Ready" || return 0
  look_for_nodes
  while [[ -n ${waiting[*]-} ]] && nodes_may_come; do
    look_for_nodes
  done
  set_labels_and_taints
  [[ -z ${reflectors[*]-} ]] || configure_bgp
}

# Of all nodes, since the rest was done for those that are there.
await_node_pods() {
  [[ -z ${waiting[*]-} ]] || return 0
  await Available tigerastatus/calico
  await_rollout calico-system daemonset/calico-node
  await_rollout kube-system daemonset/kube-proxy
}

# Sets `free` to the number of nodes for pods that tolerate the taint, if one is given. A node that is not Ready
# has others.
count_nodes_for_pods() {
  local taints
  taints=$(kubectl get nodes --output \
    jsonpath='{range .items[*]}{.metadata.name} {range .spec.taints[*]}{.key}:{.effect} {end}{"\n"}{end}')
  # shellcheck disable=SC2001 # ${//} has no pattern for a word of letters
  free=$(sed "s, ${1-none}:[A-Za-z]*,,g" <<<"$taints" | grep -cvE ':No(Schedule|Execute)( |$)') || true
}

# Pods without tolerations need a worker, or a control plane without taint.
has_room=yes
await_room() {
  local free
  ! planned "wait ${patience} s for a node that accepts pods" || return 0
  count_nodes_for_pods
  while (( free == 0 )); do
    nodes_may_come || {
      has_room=no
      info 'no node accepts pods: what needs one is left out'
      return 0
    }
    count_nodes_for_pods
  done
}

if_room() {
  [[ $has_room == no ]] || step "$@"
}

# kubeadm starts both replicas when there is one node, and they would stay there.
spread_dns() {
  patch kube-system deployment/coredns strategic coredns/coredns.patch.yaml
  patch kube-system service/kube-dns merge coredns/kube-dns.patch.yaml
  spread_pods kube-system deployment/coredns k8s-app=kube-dns node-role.kubernetes.io/control-plane
}

# Pods that waited for the first node are all on that node. A rollout ends before the old pods do: they do not count,
# or they hide that the new ones are all on one node, and the next run restarts the deployment.
spread_pods() {
  local namespace=$1 deployment=$2 pods=$3 tolerated=${4-none} used free
  ! planned "replace the pods of $deployment in $namespace if one node has them all" || return 0
  await_rollout "$namespace" "$deployment"
  used=$(kubectl --namespace "$namespace" get pods --selector "$pods" \
    --output jsonpath='{range .items[*]}{.spec.nodeName} {.metadata.deletionTimestamp}{"\n"}{end}' |
    sed -n 's/ $//p')
  count_nodes_for_pods "$tolerated"
  if (( free > 1 )) && [[ $used == *$'\n'* && -z $(sort -u <<<"$used" | sed 1d) ]]; then
    applied kubectl --namespace "$namespace" rollout restart "$deployment"
    await_rollout "$namespace" "$deployment"
  fi
}

spread_tunnel() {
  spread_pods cloudflared deployment/cloudflared app.kubernetes.io/name=cloudflared
}

spread_ingress() {
  spread_pods "$ingress" "deployment/$ingress_deployment" "$ingress_pods"
}

apply_viewers() {
  apply "$viewers"
}

# The last installation: with the admission webhook an Ingress is refused until the controller runs.
install_hello() {
  apply "$hello"
  await_rollout hello deployment/hello
}

# Manifests of the user's own, in the order of their names. The API server adds their fields to those of an object that
# exists, and refuses fields that another program has set. But of an object that was made by client-side apply, kubectl
# takes over all fields, and then removes those that the manifest does not have (observed with kubectl 1.37.2, 2026-11).
apply_overlays() {
  local file
  for file in overlays/*.yaml; do
    is_overlay_safe "$file" ||
      fail "$PWD/$file has an object that \`kubectl apply\` has made, by this script or by hand: fields cannot be added to it"
    apply "$file" --server-side --field-manager=meshwright-overlays
    await_kinds "$file"
  done
}

# A later file may have objects of the kinds that this one defines.
await_kinds() {
  local kinds
  [[ $dry_run == no ]] || return 0
  kinds=$(kubectl get --filename "$1" --output name | sed -n '/^customresourcedefinition\./p')
  # shellcheck disable=SC2086
  [[ -z $kinds ]] || kubectl wait --for=condition=Established $kinds --timeout="${limit}s" >/dev/null
}

is_overlay_safe() {
  [[ $dry_run == no ]] || return 0
  ! kubectl get --ignore-not-found --filename "$1" --output yaml 2>/dev/null |
    grep -qF 'kubectl.kubernetes.io/last-applied-configuration:'
}

# Lines of the form `waiting for node/home: not joined`, which `meshwright-node status` repeats. No other line begins
# so.
print_waiting() {
  local line
  [[ $has_room == yes ]] || waiting+=("a node that accepts pods: the Ingress controller, the tunnel's pods and the echo app")
  for line in "${waiting[@]}"; do
    info "waiting for $line"
  done
}

# This script deletes nothing: the operator decides when to remove data.
print_left_overs() {
  local one namespace
  for one in "${left_over[@]}"; do
    namespace=${one%% *}
    ! planned "look for the namespace $namespace" || continue
    [[ -n $(kubectl get "namespace/$namespace" --ignore-not-found --output name) ]] || continue
    info "the namespace $namespace is no longer in the topology; to remove it: ${one#* }"
  done
}

# Machines of one disk image, or of one template: DHCP, drivers of storage and programs that count hosts take them
# for one machine.
print_copies() {
  local found kind number machines remedy
  ! planned 'look for machines that are copies of each other' || return 0
  # kubelet sets both values (nodeInfo of the Node's status).
  found=$(kubectl get nodes --output \
    jsonpath='{range .items[*]}machine-id {.status.nodeInfo.machineID} {.metadata.name}{"\n"}product_uuid {.status.nodeInfo.systemUUID} {.metadata.name}{"\n"}{end}')
  while IFS='|' read -r kind number machines; do
    remedy='create all but one of them anew, or give them another UUID in the hypervisor'
    [[ $kind == product_uuid ]] ||
      remedy='on all but one of them: sudo rm -f /etc/machine-id /var/lib/dbus/machine-id; sudo systemd-machine-id-setup; sudo reboot'
    info "$machines have the same $kind $number, as copies of one machine: $remedy"
  done < <(awk 'NF == 3 { key = $1 "|" tolower($2); count[key]++; names[key] = names[key] " node/" $3 }
    END { for (key in count) if (count[key] > 1) print key "|" substr(names[key], 2) }' <<<"$found" | sort)
}

main() {
  read_arguments "$@"
  cd "$(dirname "${BASH_SOURCE[0]}")"
  unset KUBECTL_EXTERNAL_DIFF
  scratch=$(mktemp -d)
  trap end EXIT
  code=3
  step 'checking every input' check_inputs
  step 'fetching external files' fetch_sources
  code=1
  step "checking the cluster $cluster" check_cluster
  step 'setting the labels and taints of the nodes' set_labels_and_taints
  step 'forbidding pods to set their own address' guard_pod_addresses
  [[ -z $viewers ]] || step 'applying the permissions of viewers' apply_viewers
  step "installing Calico's operator ${version[calico-operator]}" install_operator
  step 'installing Calico' install_calico
  step "awaiting Calico's API" await_calico
  [[ -z $bgp_secret ]] || step 'applying the password of the BGP sessions' apply_bgp_password
  step "applying Calico's objects" apply_calico_objects
  step 'configuring kube-proxy' configure_kube_proxy
  [[ -z $tunnel_secret ]] || step 'installing the tunnel' install_tunnel
  [[ -z $ingress ]] || step 'awaiting a node that accepts pods' await_room
  [[ -z $ingress ]] || if_room 'installing the Ingress controller' install_ingress
  step 'awaiting the nodes' await_nodes
  step "renewing kube-proxy's pods" renew_kube_proxy
  step 'spreading DNS over the nodes' spread_dns
  [[ -z $tunnel_secret ]] || if_room 'spreading the tunnel over the nodes' spread_tunnel
  [[ -z $ingress ]] || if_room 'spreading the Ingress controller over the nodes' spread_ingress
  [[ -z $hello ]] || if_room 'installing the echo app' install_hello
  [[ ! -d overlays ]] || step 'applying the manifests of overlays' apply_overlays
  step "awaiting every node's own pods" await_node_pods
  step 'looking for machines that are copies of each other' print_copies
  step 'checking for parts that are no longer in the topology' print_left_overs
  print_waiting
  if [[ $dry_run == yes ]]; then
    info 'dry run: nothing has been changed'
  elif [[ -n ${waiting[*]-} ]]; then
    info "done, except what waits for nodes; $changes changes"
    exit 4
  else
    info "done; $changes changes"
  fi
}

main "$@"
