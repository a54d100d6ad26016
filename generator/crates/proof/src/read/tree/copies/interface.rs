//! The interface: name, address, port, and the files of its keys.

use super::CopyComparison;
use crate::finding::FindingCode;
use crate::read::ParseError;

impl CopyComparison<'_, '_> {
    pub(super) fn interface(&mut self) -> Result<(), ParseError> {
        let stated = &self.document.wireguard;
        let (conf, interface) = (self.files.conf, self.files.interface);
        self.must_be("the interface", stated.interface, interface, "its files have that name");
        let address = self.lines.parse(stated.address)?;
        if let Some(other) = &conf.content.address {
            self.same("the address", &address, (&other.value, conf.file.line(other.line)));
        }
        let listen_port = self.lines.parse::<u16>(stated.listen_port.get())?;
        // Two different ports are compared with those that peers call.
        if conf.content.listen_port.is_none() {
            let shown = self.paths.show(self.json.line(listen_port.line));
            let message = format!(
                "there is no ListenPort: the kernel chooses any port, and {shown} has {}",
                listen_port.value
            );
            self.differs(conf.file.whole(), message);
        }
        if let Some(line) = conf.content.dns {
            let place = conf.file.line(line);
            let message = "`DNS` would replace the resolver of the host and of its pods".to_owned();
            self.finds(FindingCode::NotUnderstood, place, place, message);
        }
        let mtu = self.lines.parse::<u16>(stated.mtu.get())?;
        if conf.content.mtu.is_none() {
            let shown = self.paths.show(self.json.line(mtu.line));
            let message = format!(
                "there is no MTU: wg-quick derives one from the default route, and {shown} has {}",
                mtu.value
            );
            self.differs(conf.file.whole(), message);
        }
        self.key_files();
        Ok(())
    }

    /// A delivery writes the private key to one path.
    fn key_files(&mut self) {
        let conf = self.files.conf;
        let wanted = format!("/etc/wireguard/{}.key", self.files.interface);
        let reason = "a delivery writes the private key there";
        let stated = self.document.wireguard.private_key_file;
        self.must_be("the private key's file", stated, &wanted, reason);
        if conf.content.private_key.is_none() {
            let place = conf.file.whole();
            let message = format!("no PostUp line loads the private key of {}", self.files.name);
            self.finds(FindingCode::PrivateKeyMissing, place, place, message);
        }
        if let Some(loaded) = conf.content.private_key.as_ref().filter(|one| one.value != wanted) {
            let message =
                format!("the private key's file is {}, not {wanted}: {reason}", loaded.value);
            let place = conf.file.line(loaded.line);
            self.finds(FindingCode::PrivateKeyMissing, place, place, message);
        }
    }
}
