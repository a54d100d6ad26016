//! `versions.toml`: the pinned versions with their digests and sources, and facts about releases. One is compiled in,
//! and a user may give another one. Facts that rules print have the day of their source; the clock is never read.

use std::sync::{Arc, LazyLock};

use serde_json::Value;

use super::read::{Field, VALUE_MALFORMED, table};
use crate::diagnostic::{Finding, Problems, Report};
use crate::document::Document;
use crate::route::Route;
use crate::source::Source;
use meshwright_value::{
    AdvisoryId, AdvisorySeverity, Arch, Day, Fingerprint, ImageReference, PackageVersion,
    PinnedProgram, Reason, ReleaseLine, Sha256, Text as _, Url, Version,
};

/// The file that is compiled in.
pub const BUILT_IN: &str = include_str!("../../versions.toml");

/// The name of the file, in messages and in the output directory.
pub const FILE: &str = "versions.toml";

table! {
    /// The whole of `versions.toml`.
    pub struct Versions {
        /// The day on which all entries were last compared with their sources.
        compared: Day,
        /// Releases of Kubernetes.
        kubernetes: Kubernetes,
        /// containerd on the hosts.
        containerd: Containerd,
        /// Releases of Calico.
        calico: CalicoReleases,
        /// Helm, which installs the chart of the Ingress controller.
        helm: Helm,
        /// The chart and the image of ingress-nginx.
        ingress_nginx: ControllerRelease,
        /// The chart and the image of Traefik.
        traefik: ControllerRelease,
        /// The connector of the tunnel.
        cloudflared: PinnedImage,
        /// The echo app.
        whoami: PinnedImage,
        /// The pods of `meshwright test`.
        busybox: PinnedImage,
        /// Known vulnerabilities of the pinned programs.
        advisories: Vec<Advisory> = Vec::new(),
    } beside {
        /// The text of a file that replaces the one that is compiled in.
        replacement: Option<String> = None,
    }
}

table! {
    /// `[kubernetes]`
    pub struct Kubernetes {
        /// The version of new topologies.
        version: Version,
        /// The oldest minor release that is supported.
        oldest: KnownLine,
        /// The newest minor release that the emitted files were run against.
        newest: KnownLine,
        /// Until when each minor release gets patch releases.
        support: Vec<Support>,
        /// The newest known patch release of each minor release.
        patches: Vec<KnownRelease>,
        /// The sandbox image.
        pause: Pause,
        /// The first minor release whose kube-proxy warns about its IPVS mode.
        ipvs_deprecated: KnownLine,
        /// The first minor release whose gate `KubeProxyIPVS` is closed by default. The gate does not exist before
        /// 1.37, and an unknown gate keeps kube-proxy from starting.
        ipvs_gated: KnownLine,
        /// The first minor release without the IPVS mode.
        ipvs_removed: KnownLine,
        /// The first patch release of a minor release whose kube-proxy can read the tables of nft 1.1.3; other minor
        /// releases always could.
        nftables_fixed: Vec<KnownRelease> = Vec::new(),
        /// The keys that sign the package repository.
        keys: Vec<RepositoryKey>,
    }
}

table! {
    /// A minor release.
    pub struct KnownLine {
        /// The minor release.
        line: ReleaseLine,
        /// The day of the source.
        until: Day,
        /// The source.
        source: Reason,
    }
}

table! {
    /// A patch release.
    pub struct KnownRelease {
        /// The release.
        version: Version,
        /// The day of the source.
        until: Day,
        /// The source.
        source: Reason,
    }
}

table! {
    /// The support of a minor release.
    pub struct Support {
        /// The minor release.
        line: ReleaseLine,
        /// The day on which it ends.
        end: Day,
        /// The day of the source.
        until: Day,
        /// The source.
        source: Reason,
    }
}

table! {
    /// The sandbox image of pods.
    pub struct Pause {
        /// Its version.
        version: Version,
        /// Its version in earlier minor releases.
        before: Vec<PauseBefore> = Vec::new(),
        /// The day of the source.
        until: Day,
        /// The source.
        source: Reason,
    }
}

table! {
    /// The sandbox image before a minor release.
    pub struct PauseBefore {
        /// The first minor release with a newer one.
        line: ReleaseLine,
        /// Its version.
        version: Version,
    }
}

table! {
    /// A key that signs a package repository.
    pub struct RepositoryKey {
        /// Its fingerprint.
        fingerprint: Fingerprint,
        /// The day on which it ends, if that is known.
        end: Option<Day>,
        /// The day of the source.
        until: Day,
        /// The source.
        source: Reason,
    }
}

table! {
    /// `[containerd]`
    pub struct Containerd {
        /// The version of the package, as apt-get(8) takes it after `=`.
        version: PackageVersion,
        /// The keys that sign the package repository.
        keys: Vec<RepositoryKey>,
        /// The day of the source.
        until: Day,
        /// The source.
        source: Reason,
    }
}

table! {
    /// `[calico]`
    pub struct CalicoReleases {
        /// The version if a topology has none.
        version: Version,
        /// The newest known patch release of each minor release.
        patches: Vec<KnownRelease>,
        /// The minor releases of Kubernetes that each minor release is tested with.
        tested: Vec<CalicoTested>,
        /// The digests of the manifests of each release.
        manifests: Vec<CalicoManifests>,
        /// The day of the source.
        until: Day,
        /// The source.
        source: Reason,
    }
}

table! {
    /// The minor releases of Kubernetes that a minor release of Calico is tested with.
    pub struct CalicoTested {
        /// The minor release of Calico.
        line: ReleaseLine,
        /// The oldest minor release of Kubernetes.
        oldest: ReleaseLine,
        /// The newest one.
        newest: ReleaseLine,
        /// The day of the source.
        until: Day,
        /// The source.
        source: Reason,
    }
}

table! {
    /// The digests of the manifests of Calico's operator, in one release.
    pub struct CalicoManifests {
        /// The release.
        version: Version,
        /// That of `operator-crds.yaml`.
        crds: Sha256,
        /// That of `tigera-operator.yaml`.
        operator: Sha256,
    }
}

table! {
    /// `[helm]`
    pub struct Helm {
        /// Its version.
        version: Version,
        /// The digest of the archive for amd64.
        amd64: Sha256,
        /// The digest of the archive for arm64.
        arm64: Sha256,
        /// The day of the source.
        until: Day,
        /// The source.
        source: Reason,
    }
}

table! {
    /// An Ingress controller.
    pub struct ControllerRelease {
        /// The version of its chart.
        version: Version,
        /// The repository of the chart.
        repository: Url,
        /// The URL of the chart in the index of the repository.
        url: Url,
        /// Its digest in that index, if the index was read.
        sha256: Option<Sha256>,
        /// The image.
        image: ImageReference,
        /// Since when it gets no more releases.
        retired: Option<Retired>,
        /// The day of the source.
        until: Day,
        /// The source.
        source: Reason,
    }
}

table! {
    /// A program without further releases.
    pub struct Retired {
        /// The day.
        day: Day,
        /// The day of the source.
        until: Day,
        /// The source.
        source: Reason,
    }
}

table! {
    /// An image.
    pub struct PinnedImage {
        /// The image, with the digest of its index.
        image: ImageReference,
        /// The day of the source.
        until: Day,
        /// The source.
        source: Reason,
    }
}

table! {
    /// A known vulnerability.
    pub struct Advisory {
        /// Its name.
        id: AdvisoryId,
        /// The program.
        program: PinnedProgram,
        /// Its severity.
        severity: AdvisorySeverity,
        /// The first version that has it; every version before `fixed` if absent.
        first: Option<Version>,
        /// The first version without it; none if absent.
        fixed: Option<Version>,
        /// What it lets an attacker do, in one line.
        summary: Reason,
        /// The source.
        source: Reason,
    }
}

impl Versions {
    /// The file that is compiled in.
    ///
    /// # Panics
    ///
    /// When it is not valid: a test reads it.
    #[must_use]
    pub fn built_in() -> Arc<Self> {
        static VERSIONS: LazyLock<Arc<Versions>> = LazyLock::new(|| {
            let source = Source { name: FILE.to_owned(), text: BUILT_IN.to_owned() };
            match Versions::parse(source) {
                Ok(versions) => Arc::new(versions),
                Err(report) => unreachable!("{FILE}: {:?}", report.diagnostics),
            }
        });
        Arc::clone(&VERSIONS)
    }

    /// Reads a file that replaces the one that is compiled in.
    ///
    /// # Errors
    ///
    /// A report of everything that is wrong with it.
    pub fn read(source: Source) -> Result<Arc<Self>, Box<Report>> {
        let replacement = Some(source.text.clone());
        Ok(Arc::new(Self { replacement, ..Self::parse(source)? }))
    }

    fn parse(source: Source) -> Result<Self, Box<Report>> {
        let (document, syntax) = Document::parse(source);
        let mut problems = Problems::new(syntax);
        let versions = match problems.has_errors() {
            true => None,
            false => Self::read_document(&document, &mut problems),
        };
        match versions.filter(|_| !problems.has_errors()) {
            Some(versions) => Ok(versions),
            None => Err(Box::new(document.report(problems.into_diagnostics(), 0))),
        }
    }

    fn read_document(document: &Document, problems: &mut Problems) -> Option<Self> {
        let root = &document.root().value;
        let versions = <Self as Field>::read(root, &Route::root(), problems)?;
        versions.check_pins(problems);
        Some(versions)
    }

    /// Every pin has a digest. Values that could not be read are reported already.
    fn check_pins(&self, problems: &mut Problems) {
        let mut findings = Vec::new();
        for (origin, image) in self.images() {
            if image.digest().is_none() {
                let at = origin.key("image");
                let message = format!("`{at}` has no digest");
                let finding = Finding::new(message, &at, "expected `@sha256:` and 64 hex digits");
                findings.push((at, finding.help("add the digest of the image's index")));
            }
        }
        let calico = self.calico.version;
        if self.calico_manifests(calico).is_none() {
            let at = self.calico.origin.key("version");
            let message = format!("the manifests of Calico {calico} have no digest");
            let finding = Finding::new(message, &at, "no entry of `calico.manifests` is for it");
            findings.push((at, finding.help("add a [[calico.manifests]] with its digests")));
        }
        for (at, finding) in findings {
            if !problems.concerns_broken(&finding) {
                problems.broken(VALUE_MALFORMED, &at, finding);
            }
        }
    }

    fn images(&self) -> [(&Route, &ImageReference); 5] {
        [
            (&self.ingress_nginx.origin, &self.ingress_nginx.image),
            (&self.traefik.origin, &self.traefik.image),
            (&self.cloudflared.origin, &self.cloudflared.image),
            (&self.whoami.origin, &self.whoami.image),
            (&self.busybox.origin, &self.busybox.image),
        ]
    }

    /// The JSON Schema of the file.
    #[must_use]
    pub fn schema() -> Value {
        <Self as Field>::schema()
    }

    /// The keys of the package repositories, each with the program of the repository.
    pub fn repository_keys(&self) -> impl Iterator<Item = (&'static str, &RepositoryKey)> {
        let kubernetes = self.kubernetes.keys.iter().map(|key| ("Kubernetes", key));
        kubernetes.chain(self.containerd.keys.iter().map(|key| ("containerd", key)))
    }

    /// The support of a release of Kubernetes; `None` when it is not known.
    #[must_use]
    pub fn kubernetes_support(&self, kubernetes: Version) -> Option<&Support> {
        self.kubernetes.support.iter().find(|support| support.line == kubernetes.line())
    }

    /// The newest known patch release of a minor release such as `1.37`, of Kubernetes or Calico.
    #[must_use]
    pub fn newest_patch(&self, line: &str) -> Option<Version> {
        let line = ReleaseLine::parse(line).ok()?;
        let known = self.kubernetes.patches.iter().chain(&self.calico.patches);
        known.map(|known| known.version).find(|version| version.line() == line)
    }

    /// The minor releases of Kubernetes that this Calico is tested with; `None` when they are not known.
    #[must_use]
    pub fn calico_tested(&self, calico: Version) -> Option<&CalicoTested> {
        self.calico.tested.iter().find(|tested| tested.line == calico.line())
    }

    /// The advisories about a version of a program.
    pub fn advisories_of(
        &self,
        program: PinnedProgram,
        version: Version,
    ) -> impl Iterator<Item = &Advisory> {
        self.advisories.iter().filter(move |advisory| {
            advisory.program == program
                && advisory.first.is_none_or(|first| first <= version)
                && advisory.fixed.is_none_or(|fixed| version < fixed)
        })
    }

    /// The digests of a Calico's manifests; `None` when they are not known.
    #[must_use]
    pub fn calico_manifests(&self, calico: Version) -> Option<&CalicoManifests> {
        self.calico.manifests.iter().find(|manifests| manifests.version == calico)
    }
}

impl CalicoTested {
    /// Whether it is tested with this release of Kubernetes.
    #[must_use]
    pub fn includes(&self, kubernetes: Version) -> bool {
        (self.oldest..=self.newest).contains(&kubernetes.line())
    }
}

impl Pause {
    /// The version that kubeadm of this release pulls.
    #[must_use]
    pub fn of(&self, kubernetes: Version) -> Version {
        let before = self.before.iter().filter(|before| kubernetes.line() < before.line);
        before.min_by_key(|before| before.line).map_or(self.version, |before| before.version)
    }
}

impl Helm {
    /// The digest of the archive for an architecture.
    #[must_use]
    pub const fn sha256(&self, arch: Arch) -> Sha256 {
        match arch {
            Arch::Amd64 => self.amd64,
            Arch::Arm64 => self.arm64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each problem of a text as `line:column: code: message`.
    fn problems(text: &str) -> Vec<String> {
        let source = Source { name: FILE.to_owned(), text: text.to_owned() };
        let Err(report) = Versions::read(source) else { return Vec::new() };
        let shown = report.diagnostics.iter().map(|found| {
            let span = &found.spans[0];
            format!("{}:{}: {}: {}", span.line, span.column, found.code, found.message)
        });
        shown.collect()
    }

    #[test]
    fn the_file_that_is_compiled_in_is_valid() {
        assert_eq!(problems(BUILT_IN), Vec::<String>::new());
    }

    #[test]
    fn every_problem_is_reported_with_its_place() {
        let damaged = [
            ("compared = \"2026-12-01\"", "compared = \"today\""),
            ("\n[helm]\nversion", "\n[helm]\nverison"),
            (
                "\n[cloudflared]\nimage = \"docker.io/cloudflare/cloudflared:",
                "\n[cloudflared]\nimage = \"ghcr.io/a:1\" # ",
            ),
            (
                "\n[calico]\n# The newest release whose documents were run against a real cluster.\nversion = \"3.32.1\"",
                "\n[calico]\nversion = \"3.30.0\"",
            ),
        ];
        let text = damaged.iter().fold(BUILT_IN.to_owned(), |text, (from, to)| {
            assert_eq!(text.matches(from).count(), 1, "{from}");
            text.replace(from, to)
        });
        let line = |of: &str| 1 + text.lines().position(|line| line.starts_with(of)).unwrap();
        assert_eq!(
            problems(&text),
            [
                format!("{}:12: value-malformed: `today` is not a valid day", line("compared")),
                format!(
                    "{}:11: value-malformed: the manifests of Calico 3.30.0 have no digest",
                    line("version = \"3.30.0\"")
                ),
                format!("{}:1: key-unknown: there is no key `helm.verison`", line("verison")),
                format!(
                    "{}:9: value-malformed: `cloudflared.image` has no digest",
                    line("image = \"ghcr.io")
                ),
            ]
        );
    }

    #[test]
    fn changes_come_with_their_minor_release() {
        let versions = Versions::built_in();
        let around = |minor: u16| [minor - 1, minor].map(|minor| Version::new(1, minor, 0));
        let pause = around(36).map(|version| versions.kubernetes.pause.of(version).to_string());
        assert_eq!(pause, ["3.10.1", "3.10.2"]);
        let ends = around(38).map(|version| {
            versions.kubernetes_support(version).map(|support| support.end.to_string())
        });
        assert_eq!(ends, [Some("2027-10-28".to_owned()), None]);
    }
}
