//! Downloads of the cluster: the manifests of Calico's operator, the chart of the Ingress
//! controller, and the program that installs the chart.

use crate::derive::package_source::{self, CALICO_CRDS, CALICO_OPERATOR, helm};
use crate::plan::Plan;
use crate::plan::ingress::controller_release;
use crate::topology::versions::{CalicoManifests, ControllerRelease, Versions};
use meshwright_value::{Arch, IngressController, Name, Sha256, SourceUrl, Version};

/// One file to download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalFile {
    /// Its name in `[packages.sources]`.
    pub name: &'static str,
    /// The version that upstream calls it by.
    pub version: String,
    /// Its location.
    pub url: SourceUrl,
    /// The checksum with which it is compared.
    pub checksum: Checksum,
}

/// The checksum with which a downloaded file is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// Its SHA-256.
    Known(String),
    /// `digest` of its version in the index of a chart repository, at this URL.
    Indexed(String),
    /// Not compared: the file is the user's own.
    None,
}

impl Plan {
    /// All files that this cluster downloads.
    #[must_use]
    pub fn sources(&self) -> Vec<ExternalFile> {
        let controller =
            self.ingress.as_ref().map_or(IngressController::Absent, |ingress| ingress.controller);
        upstream(&self.versions, self.calico.version, controller)
            .into_iter()
            .map(|source| self.declared(source))
            .collect()
    }

    /// A mirror holds the same bytes, so upstream's checksum applies; a file at a path is the
    /// user's own.
    fn declared(&self, upstream: ExternalFile) -> ExternalFile {
        let declared = |name: &Name| name.as_str() == upstream.name;
        let sources = self.packages.sources.iter();
        let Some((_, declared)) = sources.clone().find(|(name, _)| declared(name)) else {
            return upstream;
        };
        let checksum = match &declared.sha256 {
            Some(sha256) => Checksum::Known(sha256.to_string()),
            None if declared.url.remote().is_some() => upstream.checksum,
            None => Checksum::None,
        };
        ExternalFile { url: declared.url.clone(), checksum, ..upstream }
    }
}

/// The files from elsewhere, as upstream publishes them. Only a chart needs helm.
pub(crate) fn upstream(
    versions: &Versions,
    calico: Version,
    controller: IngressController,
) -> Vec<ExternalFile> {
    let calico = [calico_crds(versions, calico), calico_operator(versions, calico)];
    let chart = package_source::chart(controller).zip(controller_release(versions, controller));
    let of_helm = chart.map(|(name, release)| {
        [
            chart_file(name, release),
            helm_archive(versions, Arch::Amd64),
            helm_archive(versions, Arch::Arm64),
        ]
    });
    calico.into_iter().chain(of_helm.into_iter().flatten()).collect()
}

/// The bundle for the aggregated API. With CRDs of `projectcalico.org` beside it, Calico would use
/// them as its store, and its API would not be served.
fn calico_crds(versions: &Versions, version: Version) -> ExternalFile {
    let digest = |manifests: &CalicoManifests| manifests.crds;
    let sha256 = versions.calico_manifests(version).map(digest);
    calico(CALICO_CRDS, version, "operator-crds.yaml", sha256)
}

fn calico_operator(versions: &Versions, version: Version) -> ExternalFile {
    let digest = |manifests: &CalicoManifests| manifests.operator;
    let sha256 = versions.calico_manifests(version).map(digest);
    calico(CALICO_OPERATOR, version, "tigera-operator.yaml", sha256)
}

/// The manifests of Calico's own guide ("Install Calico on self-managed on-premises").
fn calico(
    name: &'static str,
    version: Version,
    file: &str,
    sha256: Option<Sha256>,
) -> ExternalFile {
    let url = format!(
        "https://raw.githubusercontent.com/projectcalico/calico/v{version}/manifests/{file}"
    );
    // A release without a known digest has one in the topology (`calico-digest-missing`).
    let checksum = sha256.map_or(Checksum::None, |sha256| Checksum::Known(sha256.to_string()));
    ExternalFile { name, version: version.to_string(), url: SourceUrl::upstream(&url), checksum }
}

fn chart_file(name: &'static str, release: &ControllerRelease) -> ExternalFile {
    let ControllerRelease { repository, version, url, sha256, .. } = release;
    let indexed = || Checksum::Indexed(format!("{repository}/index.yaml"));
    let checksum = sha256.map_or_else(indexed, |sha256| Checksum::Known(sha256.to_string()));
    let url = SourceUrl::upstream(&url.to_string());
    ExternalFile { name, version: version.to_string(), url, checksum }
}

fn helm_archive(versions: &Versions, arch: Arch) -> ExternalFile {
    let version = versions.helm.version;
    let url = format!("https://get.helm.sh/helm-v{version}-linux-{arch}.tar.gz");
    ExternalFile {
        name: helm(arch),
        version: version.to_string(),
        url: SourceUrl::upstream(&url),
        checksum: Checksum::Known(versions.helm.sha256(arch).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::Checksum;
    use crate::check::Checked;
    use crate::derive::package_source::NAMES;
    use crate::pipeline;
    use crate::plan::Plan;
    use crate::source::Source;

    const CHART: &str = "3eff0bd18151d6e6b1c441463410571443dda1ac78292cb189346628de784f0c";
    const OWN: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// A cluster with this in it; the key is made up.
    fn plan(tables: &str) -> Checked<Plan> {
        let text = format!(
            "[cluster]\nname = \"atlas\"\nkubernetes_version = \"1.36.3\"\n{tables}\n\
             [[nodes]]\nname = \"n1\"\nid = 1\nrole = \"control-plane\"\n\
             endpoint = \"203.0.113.1\"\npublic_key = \"{:A>42}A=\"\n",
            1
        );
        let source = Source { name: "topology.toml".to_owned(), text };
        pipeline::compile(source).unwrap().plan.unwrap()
    }

    fn found(tables: &str, name: &str) -> (String, Checksum) {
        let sources = plan(tables).sources();
        let source = sources.into_iter().find(|source| source.name == name).unwrap();
        (source.url.to_string(), source.checksum)
    }

    #[test]
    fn a_mirror_is_held_to_upstream_and_a_path_is_not() {
        let declared = |url: &str, sha256: &str| {
            format!("[packages.sources.ingress-nginx]\nurl = \"{url}\"\n{sha256}")
        };
        let own = format!("sha256 = \"{OWN}\"");
        let mirror = "https://mirror.example.com/chart.tgz";
        let table = [
            (declared(mirror, ""), mirror, Checksum::Known(CHART.to_owned())),
            (declared(mirror, &own), mirror, Checksum::Known(OWN.to_owned())),
            (declared("/opt/chart.tgz", ""), "/opt/chart.tgz", Checksum::None),
            (declared("/opt/chart.tgz", &own), "/opt/chart.tgz", Checksum::Known(OWN.to_owned())),
        ];
        for (tables, url, checksum) in table {
            assert_eq!(found(&tables, "ingress-nginx"), (url.to_owned(), checksum), "{tables}");
        }
    }

    /// The rule `calico-digest-missing` refuses it without these digests.
    #[test]
    fn a_release_of_calico_that_is_not_known_has_the_digests_of_the_topology() {
        let at = "https://raw.githubusercontent.com/projectcalico/calico/v3.32.9/manifests";
        let declared = |name: &str, file: &str| {
            format!("[packages.sources.{name}]\nurl = \"{at}/{file}\"\nsha256 = \"{OWN}\"\n")
        };
        let tables = format!(
            "[calico]\nversion = \"3.32.9\"\n{}{}",
            declared("calico-crds", "operator-crds.yaml"),
            declared("calico-operator", "tigera-operator.yaml")
        );
        let (url, checksum) = found(&tables, "calico-operator");
        assert_eq!(url, format!("{at}/tigera-operator.yaml"));
        assert_eq!(checksum, Checksum::Known(OWN.to_owned()));
    }

    #[test]
    fn helm_has_its_own_digest() {
        let (url, checksum) = found("", "helm-arm64");
        assert_eq!(url, "https://get.helm.sh/helm-v4.3.0-linux-arm64.tar.gz");
        let known = "31c5794dd55c66a51e6b7d2e2ac7a114ae8b1de41ff1d9ba51748ac973b06a08";
        assert_eq!(checksum, Checksum::Known(known.to_owned()));
    }

    #[test]
    fn every_source_has_a_name_that_can_be_declared() {
        for tables in ["", "[ingress]\ncontroller = \"traefik\""] {
            for source in plan(tables).sources() {
                assert!(NAMES.contains(&source.name), "{}", source.name);
            }
        }
    }
}
