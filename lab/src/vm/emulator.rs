//! The emulator: QEMU without KVM, so that every testing machine gives the same result.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::guest_image::GuestImage;

/// The machine's public address: QEMU's DHCP server gives it out, as a provider's does.
pub const ADDRESS: &str = "203.0.113.10";

/// The machine's address for the programs outside: they listen on 127.0.0.1 of the sandbox.
pub const OUTSIDE: &str = "203.0.113.2";

/// The port of 127.0.0.1 that QEMU forwards to the machine's SSH.
pub const SSH_PORT: u16 = 2222;

/// The kernel's command line. The root disk is NVMe, whose driver is part of Debian's kernel: no initramfs is
/// needed. `image.sh` has its identifier. The rest saves time: mitigations of processor faults, cleared pages and self-tests are slow in an
/// emulator.
const KERNEL_LINE: &str = "root=PARTUUID=6d657368-01 rw panic=-1 console=ttyS0 ds=nocloud mitigations=off init_on_alloc=0 nokaslr \
    audit=0 8250.nr_uarts=1 nowatchdog random.trust_cpu=on no_timer_check tsc=reliable cryptomgr.notests loglevel=4";

/// A running emulator. It ends with the sandbox.
#[derive(Debug)]
pub struct Emulator {
    process: Child,
    console: PathBuf,
}

impl Emulator {
    /// Starts a machine whose disk is `root.img` in the folder, and ends when the machine reboots. The files of the
    /// folder `seed` are on a second disk with the label of NoCloud (cloud-init's documentation of that data source).
    ///
    /// # Errors
    ///
    /// When QEMU cannot be started.
    pub fn start(image: &GuestImage, folder: &Path, boot: &str) -> Result<Self> {
        let console = folder.join(format!("console.{boot}"));
        let (root, seed) = (folder.join("root.img"), folder.join("seed"));
        let mut command = qemu(image);
        command
            .args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"])
            // No device that only costs time to probe; no AES or AVX, whose modules would be loaded too.
            .args(["-machine", "q35,sata=off,smbus=off,usb=off,hpet=off", "-cpu", "Nehalem"])
            .args(["-accel", "tcg,thread=multi,tb-size=512", "-smp", "2", "-m", "1024"])
            .args(["-append", KERNEL_LINE, "-kernel"])
            .arg(image.file("vmlinuz"))
            .arg("-drive")
            .arg(format!("if=none,id=root,format=raw,cache=unsafe,file={}", root.display()))
            .args(["-device", "nvme,drive=root,serial=root", "-drive"])
            .arg(format!(
                "if=none,id=seed,driver=vvfat,label=cidata,read-only=on,dir={}",
                seed.display()
            ))
            .args(["-device", "nvme,drive=seed,serial=seed", "-netdev"])
            .arg(format!(
                "user,id=net,net=203.0.113.0/24,host={OUTSIDE},dhcpstart={ADDRESS},\
                 hostfwd=tcp:127.0.0.1:{SSH_PORT}-{ADDRESS}:22"
            ))
            .args(["-device", "virtio-net-pci,netdev=net,romfile=", "-device", "virtio-rng-pci"])
            .arg("-serial")
            .arg(format!("file:{}", console.display()))
            .stdout(Stdio::null())
            .stderr(File::create(folder.join("qemu.log"))?);
        let process = command.spawn().context("QEMU")?;
        Ok(Self { process, console })
    }

    /// Whether the machine is on. It turns off when its kernel panics.
    ///
    /// # Errors
    ///
    /// When the state of the process cannot be read.
    pub fn is_on(&mut self) -> Result<bool> {
        Ok(self.process.try_wait()?.is_none())
    }

    /// Waits until the machine is off.
    ///
    /// # Errors
    ///
    /// When it is still on at the limit.
    pub fn wait_until_off(&mut self, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        while self.is_on()? {
            ensure!(
                Instant::now() < deadline,
                "the machine does not turn off:\n{}",
                self.console()
            );
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// The end of what the machine printed on its serial console.
    #[must_use]
    pub fn console(&self) -> String {
        let bytes = fs::read(&self.console).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).replace('\r', "");
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// QEMU of the image, with its own libraries and firmware.
fn qemu(image: &GuestImage) -> Command {
    let unpacked = image.file("emulator/usr");
    let mut command = Command::new(unpacked.join("lib64/ld-linux-x86-64.so.2"));
    command.arg("--library-path").arg(unpacked.join("lib/x86_64-linux-gnu"));
    command.arg(unpacked.join("bin/qemu-system-x86_64"));
    for firmware in ["share/qemu", "share/seabios"] {
        command.arg("-L").arg(unpacked.join(firmware));
    }
    command
}
