//! openssl(1), age(1), ssh-keygen(1), tar(1) and sha256sum(1) accept the secrets that the program generates,
//! encrypts and exports, and refuse wrong ones.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Output;

use libtest_mimic::{Failed, Trial};
use tempfile::TempDir;

use crate::docs;
use crate::expect::expect_code;
use crate::namespace::outside;
use crate::need::Need;
use crate::testing;

pub(crate) const NEEDS: &[Need] = &[
    Need { probe: "type wg wg-quick", missing: "no wireguard-tools" },
    Need { probe: "type git", missing: "no git" },
    Need { probe: "type openssl", missing: "no openssl" },
    Need { probe: "type age age-keygen", missing: "no age" },
    Need { probe: "type ssh-keygen", missing: "no openssh-client" },
];

/// Two control planes and a laptop.
const TOPOLOGY: &str = r#"
[cluster]
name = "atlas"
kubernetes_version = "1.37.2"

[wireguard]
preshared_keys = true

[[nodes]]
name = "alpha"
id = 1
role = "control-plane"
endpoint = "203.0.113.10"

[[nodes]]
name = "beta"
id = 2
role = "control-plane"
endpoint = "203.0.113.20"

[[clients]]
name = "laptop"
id = 200
"#;

/// The start of each script, which runs in the folder of the topology.
const PRELUDE: &str = r#"
cd "$1"
meshwright() { "$MESHWRIGHT" --quiet "$@"; }
refused() { if "$@" >refusal 2>&1; then echo "accepted: $*" >&2; return 1; fi; }
same() { [[ $1 == "$2" ]] || { printf '%s\n is not\n%s\n' "$1" "$2" >&2; return 1; }; }
pki=secrets/cluster/pki
"#;

/// Each trial with its script; the script fails if a program disagrees.
const TRIALS: [(&str, &str); 7] = [
    ("openssl::reads_the_authorities", AUTHORITIES),
    ("openssl::verifies_what_they_sign", SIGNED),
    ("age::opens_the_store", AGE),
    ("age::opens_the_store_with_a_key_of_ssh", SSH),
    ("tar::changes_no_folder_of_others", TAR),
    ("wg::takes_the_keys_of_a_client", CLIENT),
    ("wg::derives_the_public_keys", PUBLIC_KEYS),
];

pub(crate) fn trials() -> Vec<Trial> {
    let scripts = TRIALS.into_iter().map(|(name, script)| {
        Trial::test(format!("secrets::{name}"), move || run(outside, script))
    });
    scripts.chain([Trial::test("secrets::docs::commands_run", run_documented_commands)]).collect()
}

const AUTHORITIES: &str = r#"
meshwright keys
hash=$(sed -n 's/^ca_hash = "\(.*\)"$/\1/p' topology.toml)
meshwright keys --check
recipe() { openssl x509 -pubkey -noout -in "$1" | openssl pkey -pubin -outform der | sha256sum | cut -c-64; }
same "$hash" "sha256:$(recipe $pki/ca.crt)"
for authority in ca:kubernetes front-proxy-ca:front-proxy-ca etcd/ca:etcd-ca; do
  file=$pki/${authority%:*} name=${authority#*:}
  same "$(openssl x509 -noout -subject -nameopt RFC2253 -in "$file.crt")" "subject=CN=$name"
  openssl x509 -noout -text -in "$file.crt" >text
  for line in 'CA:TRUE' 'Digital Signature, Certificate Sign' "DNS:$name" 'NIST CURVE: P-256' 'Version: 3'; do
    grep -q "$line" text
  done
  openssl x509 -noout -checkend $((3649 * 86400)) -in "$file.crt" >/dev/null
  refused openssl x509 -noout -checkend $((3651 * 86400)) -in "$file.crt"
  openssl verify -CAfile "$file.crt" "$file.crt" >/dev/null
  openssl verify -attime $(($(date +%s) - 3000)) -CAfile "$file.crt" "$file.crt" >/dev/null
  refused openssl verify -attime $(($(date +%s) - 4000)) -CAfile "$file.crt" "$file.crt"
  same "$(openssl pkey -pubout -in "$file.key")" "$(openssl x509 -pubkey -noout -in "$file.crt")"
done
refused openssl verify -CAfile $pki/ca.crt $pki/etcd/ca.crt
"#;

const SIGNED: &str = r#"
meshwright keys
mkdir delivery
meshwright export beta --join | tar -xC delivery
host=delivery/etc/kubernetes
openssl verify -purpose sslclient -CAfile $pki/ca.crt $host/join.crt >/dev/null
refused openssl verify -purpose sslserver -CAfile $pki/ca.crt $host/join.crt
refused openssl verify -purpose sslclient -CAfile $pki/front-proxy-ca.crt $host/join.crt
refused openssl verify -attime $(($(date +%s) + 90000)) -CAfile $pki/ca.crt $host/join.crt
same "$(openssl pkey -pubout -in $host/join.key)" "$(openssl x509 -pubkey -noout -in $host/join.crt)"
same "$(openssl pkey -pubout -in $host/pki/sa.key)" "$(cat $host/pki/sa.pub)"
same "$(sed -n 's/.*certificate-authority-data: //p' $host/discovery.conf | base64 -d)" "$(cat $pki/ca.crt)"
meshwright kubeconfig laptop --to kubeconfig
for half in certificate key; do
  sed -n "s/.*client-$half-data: //p" kubeconfig | base64 -d >$half
done
openssl verify -purpose sslclient -CAfile $pki/ca.crt certificate >/dev/null
same "$(openssl x509 -noout -subject -nameopt RFC2253 -in certificate)" 'subject=CN=laptop,O=kubeadm:cluster-admins'
same "$(openssl pkey -pubout -in key)" "$(openssl x509 -pubkey -noout -in certificate)"
"#;

const AGE: &str = r#"
meshwright keys
wg=$(cat secrets/nodes/alpha/wg0.key)
age-keygen -o me 2>/dev/null
age-keygen -o stranger 2>/dev/null
printf '[secrets]\nrecipients = ["%s"]\n' "$(age-keygen -y me)" >>topology.toml
meshwright recrypt
[[ ! -e secrets/nodes/alpha/wg0.key ]]
same "$(age -d -i me secrets/nodes/alpha/wg0.key.age)" "$wg"
refused age -d -i stranger secrets/nodes/alpha/wg0.key.age
grep -q 'no identity matched' refusal
head -n -2 secrets/nodes/alpha/wg0.key.age >cut
refused age -d -i me cut
while read -r file; do age -d -i me "$file" >/dev/null; done < <(find secrets -name '*.age')
same "$(find secrets -type f ! -name '*.age' | sort | xargs)" 'secrets/.gitignore secrets/recipients'
# A binary file that age encrypts for these recipients is accepted.
printf '%s\n' "$wg" | age -R secrets/recipients >again
mv again secrets/nodes/alpha/wg0.key.age
same "$(meshwright export alpha -i me | tar -xO etc/wireguard/wg0.key)" "$wg"
git init -q
git add -A
same "$(git ls-files secrets | grep -cv '\.age$')" 2
"#;

const SSH: &str = r#"
ssh-keygen -q -t ed25519 -N '' -f id
ssh-keygen -q -t rsa -b 2048 -N '' -f old
ssh-keygen -q -t ed25519 -N secret -f protected
printf '[secrets]\nrecipients = ["%s", "%s"]\n' "$(cat id.pub)" "$(cat old.pub)" >>topology.toml
meshwright keys
for key in id old; do
  same "$(age -d -i $key secrets/nodes/beta/wg0.key.age | wg pubkey)" "$(awk -F'"' '/public_key/ { print $2 }' topology.toml | sed -n 2p)"
  meshwright export beta -i $key >/dev/null
done
refused meshwright export beta -i protected
grep -qx 'error: protected is protected by a passphrase' refusal
"#;

const TAR: &str = r#"
meshwright keys
meshwright generate
mkdir host
for folder in etc:711 etc/kubernetes:750 etc/wireguard:755 etc/systemd:700 usr:555 usr/local:755; do
  mkdir "host/${folder%:*}" && chmod "${folder#*:}" "host/${folder%:*}"
done
chmod 755 host/usr
mkdir host/usr/local/sbin && chmod 751 host/usr/local/sbin
modes() { stat -c '%a %n' host/etc host/etc/kubernetes host/etc/wireguard host/etc/systemd host/usr host/usr/local/sbin; }
before=$(modes)
umask 077
meshwright export alpha | tar -xpC host
same "$(modes)" "$before"
same "$(stat -c %a host/etc/meshwright host/etc/meshwright/secrets host/etc/wireguard/wg0.psk host/etc/wireguard/wg0.key host/usr/local/sbin/meshwright-node | xargs)" '755 700 700 600 755'
grep -v '^#' host/etc/meshwright/delivery >sums
(cd host && sha256sum --check --quiet ../sums)
find host -type f ! -name delivery -printf '%P\n' | sort >files
same "$(cut -c67- sums | sort)" "$(cat files)"
printf x >>host/etc/wireguard/wg0.key
(cd host && refused sha256sum --check --quiet ../sums)
# A tar that is cut off, as after a broken pipe, inside of its largest file: tar(1) accepts a cut inside of a header.
meshwright export alpha | head -c -20000 >cut
refused tar -tf cut
"#;

const CLIENT: &str = r#"
meshwright keys
meshwright export --client laptop --to wg0.conf
wg-quick strip ./wg0.conf >stripped
same "$(grep -c '^PresharedKey = ' stripped)" 2
key=$(sed -n 's/^PrivateKey = //p' stripped)
same "$(wg pubkey <<<"$key")" "$(awk -F'"' '/public_key/ { print $2 }' topology.toml | tail -1)"
refused wg pubkey <<<"${key:0:40}"
"#;

const PUBLIC_KEYS: &str = r#"
meshwright keys
for member in nodes/alpha nodes/beta clients/laptop; do
  wg pubkey <"secrets/$member/wg0.key"
done >derived
same "$(cat derived)" "$(sed -n 's/^public_key = "\(.*\)"$/\1/p' topology.toml)"
"#;

/// The commands of docs/secrets.md, in order, as a new user runs them.
fn run_documented_commands() -> Result<(), Failed> {
    let text = fs::read_to_string(testing::repository().join("docs/secrets.md"))?;
    let blocks = docs::commands(&text);
    let end = "\n[[ -z $(find secrets -name '*.key') && -n $(find secrets -name '*.age') ]]\n\
               meshwright keys --check\nmeshwright export alpha | tar -t >/dev/null\n";
    run(outside, &["export HOME=$PWD", &blocks.join("\n"), end].join("\n"))
}

/// Runs a script in the folder of the topology; `launch` runs it outside or in its own namespaces.
pub(crate) fn run(
    launch: fn(&str, &Path) -> io::Result<Output>,
    script: &str,
) -> Result<(), Failed> {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    fs::write(folder.path().join("topology.toml"), TOPOLOGY)?;
    let binary = format!("MESHWRIGHT='{}'\n", env!("CARGO_BIN_EXE_meshwright"));
    let done = launch(&[&binary, PRELUDE, script].concat(), folder.path())?;
    expect_code(&done, 0).map(drop)
}
