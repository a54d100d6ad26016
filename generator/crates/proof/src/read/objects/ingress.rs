//! Ingresses and their classes.

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{MetadataYaml, ObjectSource, PortReference};
use crate::read::ParseError;
use crate::span::{FileLine, FileSpanned};

/// An Ingress.
#[derive(Debug, Clone)]
pub struct EmittedIngress {
    /// Its name.
    pub name: FileSpanned<String>,
    /// Its namespace, which is also that of its Services.
    pub namespace: String,
    /// Its class; without one, the cluster's default class.
    pub class: Option<FileSpanned<String>>,
    /// Its hosts.
    pub hosts: Vec<EmittedIngressHost>,
    /// Its first line.
    pub place: FileLine,
}

/// The paths of one host.
#[derive(Debug, Clone)]
pub struct EmittedIngressHost {
    /// The host; `*.example.com` matches one label before `example.com`.
    pub name: FileSpanned<String>,
    /// The backends of its paths.
    pub backends: Vec<EmittedIngressBackend>,
}

/// The backend of a path.
#[derive(Debug, Clone)]
pub struct EmittedIngressBackend {
    /// The path.
    pub path: String,
    /// The Service.
    pub service: FileSpanned<String>,
    /// Its port.
    pub port: FileSpanned<PortReference>,
}

/// An IngressClass.
#[derive(Debug, Clone)]
pub struct EmittedIngressClass {
    /// Its name.
    pub name: FileSpanned<String>,
    /// The name of the controller that serves it.
    pub controller: FileSpanned<String>,
    /// Whether it is the class of Ingresses that name none.
    pub default: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IngressSpecYaml {
    ingress_class_name: Option<Spanned<String>>,
    rules: Vec<IngressRuleYaml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IngressRuleYaml {
    host: Spanned<String>,
    http: IngressHttpYaml,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IngressHttpYaml {
    paths: Vec<IngressPathYaml>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IngressPathYaml {
    path: String,
    #[expect(dead_code, reason = "read so that another value is an error")]
    path_type: IngressPathTypeYaml,
    backend: IngressBackendYaml,
}

#[derive(Deserialize)]
enum IngressPathTypeYaml {
    Exact,
    Prefix,
    ImplementationSpecific,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IngressBackendYaml {
    service: IngressBackendServiceYaml,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IngressBackendServiceYaml {
    name: Spanned<String>,
    port: IngressBackendPortYaml,
}

/// `ServiceBackendPort`: one of the two.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum IngressBackendPortYaml {
    Name(Spanned<String>),
    Number(Spanned<u16>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IngressClassSpecYaml {
    controller: Spanned<String>,
}

const API: &str = "networking.k8s.io/v1";

/// The annotation of the cluster's default class.
const DEFAULT: &str = "ingressclass.kubernetes.io/is-default-class";

pub(super) fn read(source: &ObjectSource<'_>) -> Result<EmittedIngress, ParseError> {
    let (metadata, spec) = source.manifest::<IngressSpecYaml>(API)?;
    let MetadataYaml { name, namespace, annotations, .. } = metadata;
    // An annotation can change the destination of requests.
    if let Some((key, value)) = annotations.into_iter().next() {
        let line = source.document.with_line(value).line;
        return Err(ParseError {
            line,
            message: format!("the annotation `{key}` is not understood"),
        });
    }
    Ok(EmittedIngress {
        name: source.with_place(name),
        namespace: source.namespace(namespace),
        class: spec.ingress_class_name.map(|class| source.with_place(class)),
        hosts: spec.rules.into_iter().map(|rule| host(source, rule)).collect(),
        place: source.place(),
    })
}

fn host(source: &ObjectSource<'_>, rule: IngressRuleYaml) -> EmittedIngressHost {
    let backends = rule.http.paths.into_iter().map(|path| {
        let IngressBackendServiceYaml { name, port } = path.backend.service;
        let port = match port {
            IngressBackendPortYaml::Name(name) => {
                let FileSpanned { value, place } = source.with_place(name);
                FileSpanned { value: PortReference::Name(value), place }
            }
            IngressBackendPortYaml::Number(number) => {
                let FileSpanned { value, place } = source.with_place(number);
                FileSpanned { value: PortReference::Number(value), place }
            }
        };
        EmittedIngressBackend { path: path.path, service: source.with_place(name), port }
    });
    EmittedIngressHost { name: source.with_place(rule.host), backends: backends.collect() }
}

pub(super) fn read_class(source: &ObjectSource<'_>) -> Result<EmittedIngressClass, ParseError> {
    let (metadata, spec) = source.manifest::<IngressClassSpecYaml>(API)?;
    let default = metadata.annotations.get(DEFAULT).is_some_and(|value| value.value == "true");
    Ok(EmittedIngressClass {
        name: source.with_place(metadata.name),
        controller: source.with_place(spec.controller),
        default,
    })
}
