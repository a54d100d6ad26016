//! Ingresses and their classes.

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{Metadata, PortName, Source};
use crate::read::Unread;
use crate::span::{Fact, Place};

/// An Ingress.
#[derive(Debug)]
pub struct Ingress {
    /// Its name.
    pub name: Fact<String>,
    /// Its namespace, which is also that of its Services.
    pub namespace: String,
    /// Its class; without one that of the cluster.
    pub class: Option<Fact<String>>,
    /// Its hosts.
    pub hosts: Vec<Host>,
    /// Where it begins.
    pub place: Place,
}

/// What is served under one host.
#[derive(Debug)]
pub struct Host {
    /// The host; `*.example.com` is one label before `example.com`.
    pub name: Fact<String>,
    /// Where its paths lead.
    pub backends: Vec<Backend>,
}

/// Where a path leads.
#[derive(Debug)]
pub struct Backend {
    /// The path.
    pub path: String,
    /// The Service.
    pub service: Fact<String>,
    /// Its port.
    pub port: Fact<PortName>,
}

/// An IngressClass.
#[derive(Debug)]
pub struct Class {
    /// Its name.
    pub name: Fact<String>,
    /// The controller that serves it, as controllers call themselves.
    pub controller: Fact<String>,
    /// Whether it is the class of Ingresses that name none.
    pub default: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IngressSpec {
    ingress_class_name: Option<Spanned<String>>,
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    host: Spanned<String>,
    http: Http,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Http {
    paths: Vec<Path>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Path {
    path: String,
    #[expect(dead_code, reason = "read, so that any other word is noticed")]
    path_type: PathType,
    backend: BackendObject,
}

#[derive(Deserialize)]
enum PathType {
    Exact,
    Prefix,
    ImplementationSpecific,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BackendObject {
    service: BackendService,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BackendService {
    name: Spanned<String>,
    port: BackendPort,
}

/// `ServiceBackendPort`: one of the two.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum BackendPort {
    Name(Spanned<String>),
    Number(Spanned<u16>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassSpec {
    controller: Spanned<String>,
}

const API: &str = "networking.k8s.io/v1";

/// The annotation of the class that Ingresses without one get.
const DEFAULT: &str = "ingressclass.kubernetes.io/is-default-class";

pub(super) fn read(source: &Source<'_>) -> Result<Ingress, Unread> {
    let (metadata, spec) = source.manifest::<IngressSpec>(API)?;
    let Metadata { name, namespace, annotations, .. } = metadata;
    // An annotation can send requests elsewhere.
    if let Some((key, value)) = annotations.into_iter().next() {
        let line = source.document.at(value).line;
        return Err(Unread { line, message: format!("the annotation `{key}` is not understood") });
    }
    Ok(Ingress {
        name: source.fact(name),
        namespace: source.namespace(namespace),
        class: spec.ingress_class_name.map(|class| source.fact(class)),
        hosts: spec.rules.into_iter().map(|rule| host(source, rule)).collect(),
        place: source.place(),
    })
}

fn host(source: &Source<'_>, rule: Rule) -> Host {
    let backends = rule.http.paths.into_iter().map(|path| {
        let BackendService { name, port } = path.backend.service;
        let port = match port {
            BackendPort::Name(name) => {
                let Fact { value, place } = source.fact(name);
                Fact { value: PortName::Name(value), place }
            }
            BackendPort::Number(number) => {
                let Fact { value, place } = source.fact(number);
                Fact { value: PortName::Number(value), place }
            }
        };
        Backend { path: path.path, service: source.fact(name), port }
    });
    Host { name: source.fact(rule.host), backends: backends.collect() }
}

pub(super) fn read_class(source: &Source<'_>) -> Result<Class, Unread> {
    let (metadata, spec) = source.manifest::<ClassSpec>(API)?;
    let default = metadata.annotations.get(DEFAULT).is_some_and(|value| value.value == "true");
    Ok(Class {
        name: source.fact(metadata.name),
        controller: source.fact(spec.controller),
        default,
    })
}
