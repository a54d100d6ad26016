//! Network namespaces: one for each machine, router and pod.

use std::fs::{self, File};
use std::thread;

use anyhow::{Context as _, Result, anyhow, ensure};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::os::fd::AsFd as _;

use crate::command::{feed, program, run};

/// A named network namespace (ip-netns(8)). Its name is a file in the sandbox's own /run.
#[derive(Debug, Clone)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Creates a namespace, with its loopback up.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn create(name: impl Into<String>) -> Result<Self> {
        let namespace = Self { name: name.into() };
        run(program("ip").args(["netns", "add", &namespace.name]))?;
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    /// Creates the namespace anew: of one with this name nothing remains, neither interfaces nor rules.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn recreate(name: &str) -> Result<Self> {
        if fs::exists(format!("/run/netns/{name}"))? {
            run(program("ip").args(["netns", "delete", name]))?;
        }
        Self::create(name)
    }

    /// The namespace with a name.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn existing(name: &str) -> Result<Self> {
        let namespace = Self { name: name.to_owned() };
        ensure!(fs::exists(namespace.path())?, "no network namespace {name}");
        Ok(namespace)
    }

    /// Its file, for nsenter(1).
    #[must_use]
    pub fn path(&self) -> String {
        format!("/run/netns/{}", self.name)
    }

    /// Its name, for `ip -netns`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs lines of ip(8) inside, in one process.
    ///
    /// # Errors
    ///
    /// When one of them fails.
    pub fn ip(&self, lines: &str) -> Result<String> {
        feed(program("ip").args(["-netns", &self.name, "-batch", "-"]), lines)
    }

    /// Loads rules of nft(8) inside.
    ///
    /// # Errors
    ///
    /// When they are refused.
    pub fn nft(&self, rules: &str) -> Result<String> {
        let net = format!("--net={}", self.path());
        feed(program("nsenter").args([&net, "nft", "-f", "-"]), rules)
    }

    /// Sets a parameter of sysctl(8), if the kernel has it in network namespaces.
    ///
    /// # Errors
    ///
    /// When the kernel has it and refuses the value.
    pub fn sysctl(&self, parameter: &str, value: &str) -> Result<()> {
        let path = format!("/proc/sys/{}", parameter.replace('.', "/"));
        self.enter(|| match fs::exists(&path)? {
            true => fs::write(&path, value).with_context(|| format!("{parameter} = {value}")),
            false => Ok(()),
        })
    }

    /// Runs code inside. A socket that it opens stays in the namespace.
    ///
    /// # Errors
    ///
    /// When the namespace does not exist, or the code fails.
    pub fn enter<T: Send>(&self, code: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let file = File::open(self.path()).with_context(|| self.path())?;
        let inside = || {
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
            code()
        };
        thread::scope(|scope| scope.spawn(inside).join())
            .map_err(|_| anyhow!("a thread in {} panicked", self.name))?
    }
}
