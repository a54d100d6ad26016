//! Parts of `node.json` that are the same on every node: `host/` has the same values.

use std::collections::BTreeSet;

use super::{CopyComparison, HostDifference, HostTexts};
use crate::finding::{FindingCode, ProofFinding};
use crate::read::haproxy;
use crate::read::hosts;
use crate::read::{ParseError, routes};
use crate::span::{FileId, FileLine};

/// The image of every pod's sandbox in containerd's `config.toml`.
const SANDBOX: &str = "sandbox = ";

impl CopyComparison<'_, '_> {
    /// Files that cannot be read have findings of their own.
    pub(super) fn host(&mut self) -> Result<(), ParseError> {
        let texts = self.files.host;
        self.guards(texts)?;
        self.modules(texts);
        self.sysctl(texts);
        self.hosts(texts);
        self.load_balancer(texts);
        self.containerd(texts);
        Ok(())
    }

    /// A value that one of `node.json` and a file of `host/` has: at these lines, or that has no line.
    fn one_sided(&mut self, subject: &str, json_line: u32, place: FileLine, is_in_json: bool) {
        let json = self.json.line(json_line);
        let [shown_json, shown_host] = [json, place].map(|place| self.paths.show(place));
        let [of_json, of_host] = if is_in_json {
            [
                format!("{subject} is here, and not in {shown_host}"),
                format!("{subject} is in {shown_json}, and not here"),
            ]
        } else {
            [
                format!("{subject} is in {shown_host}, and not here"),
                format!("{subject} is here, and not in {shown_json}"),
            ]
        };
        let finding =
            |place, message| ProofFinding::new(FindingCode::FilesDisagree, place, message);
        self.differences.host.push(HostDifference {
            in_json: finding(json, of_json),
            in_host: finding(place, of_host),
        });
    }

    fn guards(&mut self, texts: &HostTexts) -> Result<(), ParseError> {
        let Some((file, text)) = &texts.guards else { return Ok(()) };
        let Ok(guards) = routes::read(text, self.files.interface) else { return Ok(()) };
        let stated = &self.document.route_guards;
        let metric = self.lines.parse::<u32>(stated.metric.get())?;
        let subnets = stated.subnets.iter();
        let subnets = subnets
            .map(|net| (*net, format!("{net} proto {} metric {}", stated.protocol, metric.value)))
            .collect::<Vec<_>>();
        let emitted = guards.iter().map(|route| {
            let protocol = route.protocol.name();
            (route.line, format!("{} proto {protocol} metric {}", route.net, route.metric))
        });
        self.compare_texts("the guard of", &subnets, &emitted.collect::<Vec<_>>(), *file);
        Ok(())
    }

    fn modules(&mut self, texts: &HostTexts) {
        let Some((file, text)) = &texts.modules else { return };
        let stated = self.document.kernel_modules.iter();
        let stated: Vec<_> = stated.map(|module| (*module, (*module).to_owned())).collect();
        let emitted = statements(text).into_iter();
        let emitted: Vec<_> = emitted.map(|(line, module)| (line, module.to_owned())).collect();
        self.compare_texts("the module", &stated, &emitted, *file);
    }

    fn sysctl(&mut self, texts: &HostTexts) {
        let Some((file, text)) = &texts.sysctl else { return };
        let emitted = statements(text).into_iter().map(|(line, text)| {
            let (key, value) = text.split_once('=').unwrap_or((text, ""));
            (line, format!("{} = {}", key.trim(), value.trim()))
        });
        let stated = self.document.sysctl.iter();
        let stated: Vec<_> =
            stated.map(|(key, value)| (*key, format!("{key} = {value}"))).collect();
        self.compare_texts("the parameter", &stated, &emitted.collect::<Vec<_>>(), *file);
    }

    fn hosts(&mut self, texts: &HostTexts) {
        let Some((file, text)) = &texts.hosts else { return };
        let Ok(emitted) = hosts::read(text) else { return };
        let emitted = emitted.iter();
        let emitted = emitted.map(|host| (host.line, format!("{} {}", host.address, host.name)));
        let stated = self.document.hosts.iter().flat_map(|host| {
            host.names.iter().map(|name| (host.address, format!("{} {name}", host.address)))
        });
        let stated: Vec<_> = stated.collect();
        self.compare_texts("the name", &stated, &emitted.collect::<Vec<_>>(), *file);
    }

    fn load_balancer(&mut self, texts: &HostTexts) {
        let emitted = texts.haproxy.as_ref();
        let Some(stated) = &self.document.load_balancer else {
            if let Some((file, _)) = emitted {
                self.one_sided("a load balancer", 0, file.whole(), false);
            }
            return;
        };
        let Some((file, text)) = emitted else {
            let place = self.json.line(self.lines.line_of(stated.address));
            self.differs(place, "a load balancer is here, and there is no haproxy.cfg".to_owned());
            return;
        };
        let Ok(haproxy) = haproxy::read(text) else { return };
        let port = stated.port.get();
        let bind = format!("{}:{port}", stated.address);
        let binds: Vec<_> =
            haproxy.binds.iter().map(|bind| (bind.line, bind.value.to_string())).collect();
        let servers: Vec<_> =
            haproxy.servers.iter().map(|one| (one.line, one.value.to_string())).collect();
        let wanted = stated.servers.iter();
        let wanted: Vec<_> =
            wanted.map(|server| (server.address, format!("{}:{port}", server.address))).collect();
        self.compare_texts("the address", &[(stated.address, bind)], &binds, *file);
        self.compare_texts("the server", &wanted, &servers, *file);
        for server in &stated.servers {
            let known = self.nodes.binary_search_by(|node| node.as_str().cmp(server.name)).is_ok();
            if !known {
                let place = self.json.line(self.lines.line_of(server.name));
                self.differs(place, format!("no node has the name {}", server.name));
            }
        }
    }

    /// Two lists with the same entries, in any order. Each entry of `node.json` has the part of the text
    /// that it is read from.
    fn compare_texts(
        &mut self,
        subject: &str,
        stated: &[(&str, String)],
        emitted: &[(u32, String)],
        file: FileId,
    ) {
        let known: BTreeSet<_> = emitted.iter().map(|(_, text)| text).collect();
        for (part, text) in stated.iter().filter(|(_, text)| !known.contains(text)) {
            let line = self.lines.line_of(part);
            self.one_sided(&format!("{subject} {text}"), line, file.whole(), true);
        }
        let known: BTreeSet<_> = stated.iter().map(|(_, text)| text).collect();
        for (line, text) in emitted.iter().filter(|(_, text)| !known.contains(text)) {
            self.one_sided(&format!("{subject} {text}"), 0, file.line(*line), false);
        }
    }

    fn containerd(&mut self, texts: &HostTexts) {
        let stated = &self.document.containerd;
        if let Some((file, text)) = &texts.containerd {
            let image = statements(text).into_iter();
            let mut image =
                image.filter_map(|(line, text)| Some((line, text.strip_prefix(SANDBOX)?)));
            let (line, image) = image.next().unwrap_or_default();
            let image = image.trim_matches('"');
            let stated = [(stated.sandbox_image, stated.sandbox_image.to_owned())];
            self.compare_texts("the sandbox image", &stated, &[(line, image.to_owned())], *file);
        }
        for (registry, mirrors) in &stated.mirrors {
            let path = format!("host/containerd/certs.d/{}/hosts.toml", registry_folder(registry));
            let place = self.json.line(self.lines.line_of(registry));
            let Some((_, _, text)) = texts.mirrors.iter().find(|(known, ..)| *known == path) else {
                self.differs(
                    place,
                    format!("the registry {registry} has mirrors, and {path} is missing"),
                );
                continue;
            };
            for mirror in mirrors {
                if !text.contains(&format!("[host.\"{mirror}\"]")) {
                    self.differs(place, format!("the mirror {mirror} is here, and not in {path}"));
                }
            }
        }
        for (path, file, text) in &texts.mirrors {
            let hosts = statements(text).into_iter().filter_map(|(line, text)| {
                Some((line, text.strip_prefix("[host.\"")?.strip_suffix("\"]")?))
            });
            let registry = path.split('/').nth(3).unwrap_or_default();
            let known = stated.mirrors.iter().find(|(name, _)| registry_folder(name) == registry);
            for (line, host) in hosts {
                let is_stated =
                    known.is_some_and(|(_, mirrors)| mirrors.iter().any(|one| one == host));
                if !is_stated {
                    self.one_sided(&format!("the mirror {host}"), 0, file.line(line), false);
                }
            }
        }
    }
}

/// The lines of a file without comments, with their numbers.
fn statements(text: &str) -> Vec<(u32, &str)> {
    let lines = (1..).zip(text.lines()).map(|(number, line)| (number, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).collect()
}

/// The folder of a registry. A port is spelt `_5000_` (`hostDirectory` of containerd's remotes/docker/config).
fn registry_folder(registry: &str) -> String {
    match registry.split_once(':') {
        Some((host, port)) => format!("{host}_{port}_"),
        None => registry.to_owned(),
    }
}
