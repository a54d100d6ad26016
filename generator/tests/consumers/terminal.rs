//! The questions of `init` in a real terminal of 80 columns and 24 lines: docs/init.md shows what tmux shows.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use tempfile::TempDir;

use crate::consumer::need;
use crate::need::Need;
use crate::testing;

pub(crate) const NEEDS: &[Need] = &[need("type tmux", "no tmux: apt-get install tmux")];

/// What is typed, after the end of the line at which the terminal waits.
const TYPED: &[(&str, &str)] = &[
    ("$", "meshwright init"),
    ("Name of the cluster [atlas]:", ""),
    ("Node 1, the control plane: its name:", "Tokyo"),
    ("Node 1, the control plane: its name:", "tokyo"),
    ("it stays the only node):", "203.0.113.10"),
    ("  provider [other]:", "hetzner"),
    ("operating system [debian-13]:", ""),
    ("for no other node [-]:", "home"),
    ("if it is behind NAT:", "nat"),
    ("  provider [other]:", ""),
    ("operating system [debian-13]:", "nixos"),
    ("for no other node [-]:", ""),
    ("or anywhere [198.51.100.7]:", ""),
    ("Local network of home, which may use SSH, or -:", "192.168.1.0/24"),
    ("or - [laptop]:", ""),
    ("or - [-]:", "6ff42ae2-765d-4adf-8112-31c55c1551ef"),
    ("with commas between:", "hello.example.com"),
    ("$", "meshwright keys -q && meshwright check"),
];

pub(crate) fn trials() -> [Trial; 2] {
    [
        Trial::test("terminal::docs_show_the_questions_of_init", docs_show_the_questions),
        Trial::test("terminal::an_interrupted_init_writes_nothing", an_interrupt_writes_nothing),
    ]
}

/// A shell in a terminal of its own, in a folder of its own.
struct Terminal(TempDir);

impl Terminal {
    fn open() -> Result<Self, Failed> {
        let terminal = Self(TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?);
        let bin = terminal.path().join("bin");
        fs::create_dir(&bin)?;
        symlink(env!("CARGO_BIN_EXE_meshwright"), bin.join("meshwright"))?;
        fs::create_dir(terminal.path().join("cluster"))?;
        let shell = format!(
            "cd '{0}/cluster' && exec env -i PATH='{0}/bin:/usr/bin:/bin' TERM=screen LC_ALL=C.UTF-8 \
             SSH_CONNECTION='198.51.100.7 50022 203.0.113.10 22' PS1='$ ' sh",
            terminal.path().display()
        );
        terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", &shell])?;
        Ok(terminal)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn tmux(&self, arguments: &[&str]) -> Result<String, Failed> {
        let mut command = Command::new("tmux");
        // The path of a socket has at most 107 bytes (unix(7)).
        command.current_dir(self.path()).env("TMUX_TMPDIR", self.path()).env_remove("TMUX");
        let done = command.args(["-S", "socket"]).args(arguments).output()?;
        match done.status.success() {
            true => Ok(String::from_utf8(done.stdout)?),
            false => Err(String::from_utf8_lossy(&done.stderr).into()),
        }
    }

    /// Everything that was printed, without the empty rest of the screen.
    fn screen(&self) -> Result<String, Failed> {
        let text = self.tmux(&["capture-pane", "-p", "-S", "-1000"])?;
        let lines: Vec<_> = text.trim_end().lines().map(str::trim_end).collect();
        Ok(lines.join("\n"))
    }

    /// Waits until the last line ends so.
    fn wait(&self, end: &str) -> Result<(), Failed> {
        for _ in 0..300 {
            if self.screen()?.ends_with(end) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        Err(format!("no `{end}` at the end of:\n{}", self.screen()?).into())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The server may have ended with its shell.
        let _ = self.tmux(&["kill-server"]);
    }
}

fn docs_show_the_questions() -> Result<(), Failed> {
    let terminal = Terminal::open()?;
    for (end, typed) in TYPED {
        terminal.wait(end)?;
        terminal.tmux(&["send-keys", "-l", typed])?;
        terminal.tmux(&["send-keys", "Enter"])?;
        // The answer is on the screen before the next prompt, which may end in the same way.
        thread::sleep(Duration::from_millis(300));
    }
    terminal.wait("\n$")?;
    let screen = terminal.screen()?;
    let shown = screen.strip_suffix("\n$").unwrap_or(&screen);
    let page = fs::read_to_string(testing::repository().join("docs/init.md"))?;
    let transcript = page.split("```text\n").nth(1).and_then(|rest| rest.split("\n```").next());
    match transcript == Some(shown) {
        true => Ok(()),
        false => Err(format!("docs/init.md does not show:\n{shown}").into()),
    }
}

fn an_interrupt_writes_nothing() -> Result<(), Failed> {
    let terminal = Terminal::open()?;
    terminal.wait("$")?;
    terminal.tmux(&["send-keys", "meshwright init", "Enter"])?;
    terminal.wait("Name of the cluster [atlas]:")?;
    terminal.tmux(&["send-keys", "C-c"])?;
    terminal.wait("\n$")?;
    match fs::read_dir(terminal.path().join("cluster"))?.next() {
        None => Ok(()),
        Some(entry) => Err(format!("{} was written", entry?.path().display()).into()),
    }
}
