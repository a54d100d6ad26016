//! What `meshwright-node inspect` prints: records, one for each line, with fields separated by tabs.
//!
//! The format is that of `meshwright-node.records.j2`. A kind of record that this version does not know is left out.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Serialize;

use meshwright_value::{Sha256, Text as _};

/// The version of the format.
const FORMAT: &str = "1";

/// Run as root by the shell of a machine. A machine without a delivery has the program of its first boot, which
/// cannot inspect; its records are made here.
pub const INSPECT: &str = r#"if [ -e /etc/meshwright/delivery ]; then exec meshwright-node inspect; fi
printf 'meshwright-inspect\t1\n'
for file in /etc/meshwright/node.env /var/lib/meshwright/first-boot/etc/meshwright/node.env; do
  if [ -r "$file" ]; then . "$file"; printf 'node\t%s\t%s\n' "$MESHWRIGHT_NODE" "$MESHWRIGHT_CLUSTER"; break; fi
done
unit=$(systemctl is-active meshwright-prepare.service)
if [ -e /var/lib/meshwright/prepared ] || [ "${MESHWRIGHT_OS-}" = nixos ]; then
  printf 'prepared\tyes\t\n'
elif [ -z "${MESHWRIGHT_NODE-}" ]; then
  printf 'prepared\tno\tit has no user-data of Meshwright\n'
elif [ "$unit" = activating ]; then
  printf 'prepared\trunning\t%s\n' "$(cat /run/meshwright-prepare.reason 2>/dev/null)"
else
  printf 'prepared\tno\t%s\n' "$(cat /run/meshwright-prepare.reason 2>/dev/null || echo "meshwright-prepare is $unit")"
fi
printf 'end\n'
"#;

/// A machine, as it says itself. What it did not say is `None` or empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// The node that it is, by its files.
    pub node: Option<String>,
    /// The cluster that it belongs to, by its files.
    pub cluster: Option<String>,
    /// Whether its packages, kernel and units are set up.
    pub preparation: Preparation,
    /// Its last delivery.
    pub delivery: Option<DeliveryRecord>,
    /// What the kernel and systemd have, and the files do not, or the other way round.
    pub differences: Vec<StateDifference>,
    /// The rules of the firewall that differ.
    pub rules: Vec<RuleDifference>,
    /// Rules of other programs that drop packets.
    pub foreign_rules: Vec<ForeignRules>,
    /// The peers of its interface, in the order of its files.
    pub peers: Vec<PeerRecord>,
    /// The nodes that it reaches through another relay than the first one.
    pub relays: Vec<RelayRecord>,
    /// The state of kubelet's unit.
    pub kubelet: Option<String>,
    /// Whether it is in the cluster.
    pub membership: Option<Membership>,
    /// Whether its node object is Ready: `True`, `False`, `Unknown`, or `unanswered` if the API does not answer it.
    pub ready: Option<String>,
    /// Its BGP sessions: established, and all.
    pub bgp: Option<BgpSessions>,
    /// The versions of its packages.
    pub versions: Vec<PackageVersion>,
    /// Its clock.
    pub clock: Option<ClockRecord>,
    /// The free space of /var/lib, in MiB.
    pub disk_mib: Option<u64>,
    /// The ends of its certificates.
    pub certificates: Vec<CertificateRecord>,
    /// Its snapshots of etcd, on a control plane.
    pub backup: Option<BackupRecord>,
    /// The files with objects of the cluster: only in the answer to `objects`.
    #[serde(skip)]
    pub objects: Vec<ObjectRecord>,
}

/// A file with objects, compared with what the API server has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRecord {
    /// The result.
    pub result: ObjectResult,
    /// The file, below `cluster/`.
    pub file: String,
    /// The objects that differ, or why there is no answer.
    pub text: String,
}

/// How objects compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectResult {
    /// Applying the file would change nothing.
    Same,
    /// It would.
    Differs,
    /// The API server did not say.
    Unanswered,
}

/// Whether a machine is prepared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "reason")]
pub enum Preparation {
    /// It can take deliveries.
    Done,
    /// `prepare` runs, and waits for this.
    Running(String),
    /// It does not run; a person has to look.
    Stopped(String),
}

/// The last delivery of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryRecord {
    /// Whether all of it is in place.
    pub condition: DeliveryCondition,
    /// The time of its export, in seconds since 1970.
    pub exported: Option<u64>,
    /// The digest of all checksums, those of secrets included and those of the join credential not.
    pub digest: Sha256,
    /// The checksums of the public files, by path without a leading slash.
    #[serde(skip)]
    pub files: BTreeMap<String, Sha256>,
    /// The files that were changed since.
    pub changed: Vec<String>,
}

/// Whether a delivery is in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryCondition {
    /// It is.
    Whole,
    /// It is, and is undone unless it is confirmed.
    Unconfirmed,
    /// It ended in the middle.
    Interrupted,
}

/// A difference between the files of a machine and what runs on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StateDifference {
    /// What differs: `firewall`, `guards`, `routes`, `peers`, `parameters`, `units`, `enablement` or `networks`.
    pub area: String,
    /// The difference, as a sentence.
    pub text: String,
}

/// A rule of the firewall, in the words of nft(8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleDifference {
    /// Whether the kernel has it and the file does not; otherwise it is the other way round.
    pub is_additional: bool,
    /// The line.
    pub line: String,
}

/// Rules of other programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForeignRules {
    /// Whether they drop what Meshwright accepts, and not only some packets.
    pub drops_all: bool,
    /// Their chains.
    pub chains: String,
}

/// A peer of the interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PeerRecord {
    /// Whether it is a node; otherwise a client.
    pub is_node: bool,
    /// Its name.
    pub name: String,
    /// The age of the last handshake, in seconds; none if there was none.
    pub handshake_age: Option<u64>,
    /// The time of the last handshake by the clock of the machine, in seconds since 1970; none if there was none, or if
    /// the machine has a program from before this field.
    #[serde(skip)]
    pub handshake: Option<u64>,
}

/// A node that is reached through another relay than the first one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RelayRecord {
    /// The node.
    pub node: String,
    /// The relay.
    pub relay: String,
    /// Its position in the order, from 1.
    pub position: u32,
    /// How many relays this pair has.
    pub all: u32,
}

/// A peer that was heard from within three minutes has a session: keys are renewed every two (wg(8)).
pub const SESSION: u64 = 180;

impl PeerRecord {
    /// Whether it has a session.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.handshake_age.is_some_and(|age| age <= SESSION)
    }
}

/// Whether a machine is in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "reason")]
pub enum Membership {
    /// It is not, and the unit that does it has this state.
    Outside(String),
    /// It is, and applies the cluster's objects.
    Applying,
    /// It is, and a part of the objects waits for this.
    Waiting(String),
    /// It is, and has nothing to do.
    Joined,
}

/// BGP sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BgpSessions {
    /// Those that are established.
    pub established: u32,
    /// All.
    pub all: u32,
}

/// The version of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageVersion {
    /// The package.
    pub package: String,
    /// The version that is installed; empty if none is.
    pub installed: String,
    /// The version that the files require; `*` stands for any text.
    pub required: String,
}

impl PackageVersion {
    /// Whether the installed version is the required one.
    #[must_use]
    pub fn is_met(&self) -> bool {
        match self.required.strip_suffix('*') {
            Some(start) => !self.installed.is_empty() && self.installed.starts_with(start),
            None => self.installed == self.required,
        }
    }
}

/// The clock of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ClockRecord {
    /// Whether a time server is followed.
    pub is_synchronised: bool,
    /// Its time, in seconds since 1970.
    pub now: u64,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateRecord {
    /// Its file.
    pub path: String,
    /// Its end, in seconds since 1970; none if it cannot be read.
    pub end: Option<u64>,
}

/// The snapshots of etcd on a control plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupRecord {
    /// The time of the newest verified one, in seconds since 1970.
    pub newest: Option<u64>,
    /// How many are kept.
    pub snapshots: u32,
    /// Why the last attempt has failed; none if it has not.
    pub failure: Option<String>,
}

/// The output of a machine is not that of `inspect`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InspectionError {
    /// The first line is not the head.
    #[error("its answer does not begin with `meshwright-inspect`")]
    NoHead,
    /// The format is another one.
    #[error("its records have format {0}, and this version reads format {FORMAT}")]
    OtherFormat(String),
    /// The last record is missing.
    #[error("its answer is not complete: it ends after `{0}`")]
    Truncated(String),
    /// A field is missing or is not valid.
    #[error("the record `{0}` is not valid")]
    Malformed(String),
}

impl Inspection {
    /// Parses the records.
    ///
    /// # Errors
    ///
    /// When a line is missing or not valid.
    pub fn parse(output: &str) -> Result<Self, InspectionError> {
        let mut lines = output.lines();
        match lines.next().and_then(|line| line.split_once('\t')) {
            Some(("meshwright-inspect", FORMAT)) => {}
            Some(("meshwright-inspect", other)) => {
                return Err(InspectionError::OtherFormat(other.to_owned()));
            }
            _ => return Err(InspectionError::NoHead),
        }
        let mut inspection = Self::nothing();
        let mut last = "meshwright-inspect";
        for line in lines {
            if line == "end" {
                return Ok(inspection);
            }
            let malformed = || InspectionError::Malformed(line.to_owned());
            inspection.add(line).ok_or_else(malformed)?;
            last = line;
        }
        Err(InspectionError::Truncated(last.to_owned()))
    }

    fn nothing() -> Self {
        Self {
            node: None,
            cluster: None,
            preparation: Preparation::Stopped(String::new()),
            delivery: None,
            differences: Vec::new(),
            rules: Vec::new(),
            foreign_rules: Vec::new(),
            peers: Vec::new(),
            relays: Vec::new(),
            kubelet: None,
            membership: None,
            ready: None,
            bgp: None,
            versions: Vec::new(),
            clock: None,
            disk_mib: None,
            certificates: Vec::new(),
            backup: None,
            objects: Vec::new(),
        }
    }

    /// Adds a record; `None` if a field is missing or not valid.
    fn add(&mut self, line: &str) -> Option<()> {
        let mut fields = line.split('\t');
        let kind = fields.next()?;
        match kind {
            "node" => {
                self.node = Some(fields.next()?.to_owned());
                self.cluster = Some(fields.next()?.to_owned());
            }
            "prepared" => self.preparation = preparation(fields.next()?, fields.next()?)?,
            "delivery" => self.delivery = Some(DeliveryRecord::read(&mut fields)?),
            "file" => {
                let digest = Sha256::parse(fields.next()?).ok()?;
                self.delivery.as_mut()?.files.insert(fields.next()?.to_owned(), digest);
            }
            "changed" => self.delivery.as_mut()?.changed.push(fields.next()?.to_owned()),
            "difference" => self.differences.push(StateDifference {
                area: fields.next()?.to_owned(),
                text: fields.next()?.to_owned(),
            }),
            "rule" => self.rules.push(RuleDifference {
                is_additional: one_of(fields.next()?, "additional", "missing")?,
                line: fields.next()?.to_owned(),
            }),
            "foreign" => self.foreign_rules.push(ForeignRules {
                drops_all: one_of(fields.next()?, "all", "some")?,
                chains: fields.next()?.to_owned(),
            }),
            "peer" => self.peers.push(PeerRecord {
                is_node: one_of(fields.next()?, "node", "client")?,
                name: fields.next()?.to_owned(),
                handshake_age: unless("never", fields.next()?)?,
                handshake: fields.next().map_or(Some(None), |time| unless("never", time))?,
            }),
            "relay" => self.relays.push(RelayRecord {
                node: fields.next()?.to_owned(),
                relay: fields.next()?.to_owned(),
                position: number(fields.next()?)?,
                all: number(fields.next()?)?,
            }),
            "kubelet" => self.kubelet = Some(fields.next()?.to_owned()),
            "membership" => self.membership = Some(membership(fields.next()?, fields.next())?),
            "ready" => self.ready = Some(fields.next()?.to_owned()),
            "bgp" => {
                let (established, all) = (number(fields.next()?)?, number(fields.next()?)?);
                self.bgp = Some(BgpSessions { established, all });
            }
            "version" => self.versions.push(PackageVersion {
                package: fields.next()?.to_owned(),
                installed: fields.next()?.to_owned(),
                required: fields.next()?.to_owned(),
            }),
            "clock" => {
                let is_synchronised = one_of(fields.next()?, "synchronised", "unsynchronised")?;
                self.clock = Some(ClockRecord { is_synchronised, now: number(fields.next()?)? });
            }
            "disk" => self.disk_mib = Some(number(fields.next()?)?),
            "certificate" => self.certificates.push(CertificateRecord {
                end: unless("unreadable", fields.next()?)?,
                path: fields.next()?.to_owned(),
            }),
            "backup" => {
                let (newest, snapshots) = (unless("never", fields.next()?)?, fields.next()?);
                let failure = fields.next().filter(|text| !text.is_empty()).map(str::to_owned);
                let snapshots = number(snapshots)?;
                self.backup = Some(BackupRecord { newest, snapshots, failure });
            }
            "object" => self.objects.push(ObjectRecord {
                result: match fields.next()? {
                    "same" => ObjectResult::Same,
                    "differs" => ObjectResult::Differs,
                    "unanswered" => ObjectResult::Unanswered,
                    _ => return None,
                },
                file: fields.next()?.to_owned(),
                text: fields.next()?.to_owned(),
            }),
            _ => {}
        }
        Some(())
    }

    /// Whether a peer that is a node has a session.
    #[must_use]
    pub fn hears(&self, node: &str) -> bool {
        self.peers.iter().any(|peer| peer.is_node && peer.name == node && peer.is_heard())
    }

    /// Whether it is in the cluster.
    #[must_use]
    pub fn is_member(&self) -> bool {
        !matches!(self.membership, None | Some(Membership::Outside(_)))
    }

    /// Whether its node object is Ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready.as_deref() == Some("True")
    }
}

impl DeliveryRecord {
    fn read<'line>(fields: &mut impl Iterator<Item = &'line str>) -> Option<Self> {
        let condition = match fields.next()? {
            "whole" => DeliveryCondition::Whole,
            "unconfirmed" => DeliveryCondition::Unconfirmed,
            "interrupted" => DeliveryCondition::Interrupted,
            _ => return None,
        };
        // Deliveries of older versions have no time.
        let exported = unless("", fields.next()?)?;
        let digest = Sha256::parse(fields.next()?).ok()?;
        Some(Self { condition, exported, digest, files: BTreeMap::new(), changed: Vec::new() })
    }
}

fn preparation(word: &str, reason: &str) -> Option<Preparation> {
    match word {
        "yes" => Some(Preparation::Done),
        "running" => Some(Preparation::Running(reason.to_owned())),
        "no" => Some(Preparation::Stopped(reason.to_owned())),
        _ => None,
    }
}

fn membership(word: &str, reason: Option<&str>) -> Option<Membership> {
    match (word, reason) {
        ("outside", Some(unit)) => Some(Membership::Outside(unit.to_owned())),
        ("applying", None) => Some(Membership::Applying),
        ("waiting", Some(reason)) => Some(Membership::Waiting(reason.to_owned())),
        ("joined", None) => Some(Membership::Joined),
        _ => None,
    }
}

/// Whether a word is the first of two.
fn one_of(word: &str, first: &str, second: &str) -> Option<bool> {
    (word == first || word == second).then(|| word == first)
}

fn number<N: FromStr>(text: &str) -> Option<N> {
    text.parse().ok()
}

/// A number, or none where the text is this word.
fn unless(word: &str, text: &str) -> Option<Option<u64>> {
    if text == word { Some(None) } else { number(text).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn parse(records: &str) -> Result<Inspection, InspectionError> {
        Inspection::parse(&format!("meshwright-inspect\t1\n{records}end\n"))
    }

    #[test]
    fn reads_every_record() {
        let records = format!(
            "node\ttokyo\tatlas\nprepared\tyes\t\ndelivery\twhole\t1764500000\t{DIGEST}\n\
             file\t{DIGEST}\tetc/wireguard/wg0.conf\nchanged\tetc/meshwright/hosts\n\
             difference\tunits\tkubelet.service is not active\nrule\tadditional\taccept\n\
             foreign\tall\ttable ip filter, chain INPUT\npeer\tnode\tparis\t12\t1764499989\npeer\tclient\tlaptop\tnever\tnever\n\
             relay\thome\tprague\t2\t3\n\
             kubelet\tactive\nmembership\twaiting\tnode/home: not joined\nready\tTrue\nbgp\t2\t3\n\
             version\tkubelet\t1.37.2-1.1\t1.37.2-*\nclock\tsynchronised\t1764500001\ndisk\t5000\n\
             certificate\t1796000000\t/etc/kubernetes/pki/apiserver.crt\n\
             backup\t1764490000\t12\tthe disk is full\nof-a-later-version\tx\n"
        );
        let read = match parse(&records) {
            Ok(read) => read,
            Err(error) => panic!("{error}"),
        };
        let printed = serde_json::to_string(&read).unwrap_or_default();
        let expected = format!(
            "{{\"node\":\"tokyo\",\"cluster\":\"atlas\",\"preparation\":{{\"state\":\"done\"}},\"delivery\":{{\
             \"condition\":\"whole\",\"exported\":1764500000,\"digest\":\"{DIGEST}\",\"changed\":[\
             \"etc/meshwright/hosts\"]}},\"differences\":[{{\"area\":\"units\",\"text\":\"kubelet.service is not \
             active\"}}],\"rules\":[{{\"is_additional\":true,\"line\":\"accept\"}}],\"foreign_rules\":[{{\
             \"drops_all\":true,\"chains\":\"table ip filter, chain INPUT\"}}],\"peers\":[{{\"is_node\":true,\
             \"name\":\"paris\",\"handshake_age\":12}},{{\"is_node\":false,\"name\":\"laptop\",\"handshake_age\":\
             null}}],\"relays\":[{{\"node\":\"home\",\"relay\":\"prague\",\"position\":2,\"all\":3}}],\"kubelet\":\"active\",\"membership\":{{\"state\":\"waiting\",\"reason\":\"node/home: not \
             joined\"}},\"ready\":\"True\",\"bgp\":{{\"established\":2,\"all\":3}},\"versions\":[{{\"package\":\
             \"kubelet\",\"installed\":\"1.37.2-1.1\",\"required\":\"1.37.2-*\"}}],\"clock\":{{\
             \"is_synchronised\":true,\"now\":1764500001}},\"disk_mib\":5000,\"certificates\":[{{\"path\":\
             \"/etc/kubernetes/pki/apiserver.crt\",\"end\":1796000000}}],\"backup\":{{\"newest\":1764490000,\
             \"snapshots\":12,\"failure\":\"the disk is full\"}}}}"
        );
        assert_eq!(printed, expected);
        let handshakes: Vec<_> = read.peers.iter().map(|peer| peer.handshake).collect();
        assert_eq!(handshakes, [Some(1_764_499_989), None]);
        let files = read.delivery.map(|record| record.files.into_keys().collect::<Vec<_>>());
        assert_eq!(files, Some(vec!["etc/wireguard/wg0.conf".to_owned()]));
    }

    #[test]
    fn refuses_what_is_not_whole() {
        let failed = |output: &str| Inspection::parse(output).map(drop);
        assert_eq!(failed(""), Err(InspectionError::NoHead));
        assert_eq!(
            failed("bash: meshwright-node: command not found\n"),
            Err(InspectionError::NoHead)
        );
        let other = InspectionError::OtherFormat("2".to_owned());
        assert_eq!(failed("meshwright-inspect\t2\nend\n"), Err(other));
        let cut = InspectionError::Truncated("disk\t9".to_owned());
        assert_eq!(failed("meshwright-inspect\t1\ndisk\t9\n"), Err(cut));
        for record in [
            "disk\tmany",
            "peer\tnode\tparis",
            "peer\tother\tparis\t1",
            "peer\tnode\tparis\t1\tyesterday",
            "delivery\twhole\t1\tabc",
            "changed\tetc/before/delivery",
            "membership\tjoined\twith a reason",
        ] {
            let malformed = InspectionError::Malformed(record.to_owned());
            assert_eq!(parse(&format!("{record}\n")).map(drop), Err(malformed));
        }
    }

    #[test]
    fn versions_have_patterns() {
        let version = |installed: &str, required: &str| PackageVersion {
            package: "kubelet".to_owned(),
            installed: installed.to_owned(),
            required: required.to_owned(),
        };
        assert!(version("1.37.2-1.1", "1.37.2-*").is_met());
        assert!(!version("1.37.20-1.1", "1.37.2-*").is_met());
        assert!(!version("", "2.*").is_met());
        assert!(version("2.1", "2.1").is_met());
    }
}
