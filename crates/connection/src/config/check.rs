//! What each setting may be.

use std::time::Duration;
use std::{fs, str};

use super::{Config, Hidden};
use crate::tls::Mode;
use crate::{Error, Invalid};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Of all names and values, which the server refuses above 64 KiB.
const ATTRIBUTES_ROOM: usize = 32 * 1024;

impl Config {
    /// Checks every setting; [`Connection::open`](crate::Connection::open) does so before it dials.
    ///
    /// # Errors
    /// [`Error::Config`] names every setting that is out of range.
    pub fn validate(&self) -> Result<(), Error> {
        let mut invalid = Vec::new();
        self.check_address(&mut invalid);
        self.check_limits(&mut invalid);
        self.tls.check(&mut invalid);
        self.check_login(&mut invalid);
        self.check_session(&mut invalid);
        if invalid.is_empty() { Ok(()) } else { Err(Error::Config(invalid)) }
    }

    fn check_address(&self, invalid: &mut Vec<Invalid>) {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '_' | '-');
        if self.host.is_empty() || self.host.len() > 255 || !self.host.chars().all(plain) {
            let allowed = "1 to 255 letters, digits and the characters . : _ -";
            invalid.push(Invalid::new("host", &self.host, allowed));
        }
        if self.port == 0 {
            invalid.push(Invalid::new("port", self.port, "1 to 65,535"));
        }
        if let Some(path) = &self.unix_socket
            && !(1..=107).contains(&path.as_os_str().len())
        {
            invalid.push(Invalid::new("unix_socket", path, "a path of 1 to 107 bytes"));
        }
        // Account names have at most 80 characters (MariaDB), database names 64.
        if self.user.is_empty() || self.user.chars().count() > 80 || self.user.contains('\0') {
            invalid.push(Invalid::new("user", &self.user, "1 to 80 characters"));
        }
        if self.password.as_ref().is_some_and(|password| password.contains('\0')) {
            invalid.push(Invalid::new("password", Hidden, "text without a zero byte"));
        }
        if let Some(name) = &self.database
            && (name.is_empty() || name.chars().count() > 64 || name.contains('\0'))
        {
            invalid.push(Invalid::new("database", name, "1 to 64 characters"));
        }
        self.check_attributes(invalid);
        if self.program_name.len() > 128 || self.program_name.contains('\0') {
            invalid.push(Invalid::new("program_name", &self.program_name, "up to 128 bytes"));
        }
    }

    fn check_limits(&self, invalid: &mut Vec<Invalid>) {
        let limits = [
            ("connect_timeout", Some(self.connect_timeout), HOUR, "1 s to 1 h"),
            ("read_timeout", Some(self.read_timeout), DAY, "1 s to 24 h"),
            ("write_timeout", Some(self.write_timeout), DAY, "1 s to 24 h"),
            ("lock_wait_timeout", self.lock_wait_timeout, HOUR, "1 s to 1 h"),
            ("wait_timeout", self.wait_timeout, DAY, "1 s to 24 h"),
        ];
        for (setting, limit, longest, allowed) in limits {
            let Some(limit) = limit else { continue };
            let whole = limit.subsec_nanos() == 0;
            if !whole || limit.is_zero() || limit > longest {
                let allowed = format!("{allowed} in whole seconds");
                invalid.push(Invalid::new(setting, limit, allowed));
            }
        }
        if self.statement_cache > 16_382 {
            let allowed = "0 to 16,382 statements";
            invalid.push(Invalid::new("statement_cache", self.statement_cache, allowed));
        }
    }

    /// What the login needs: keys are read here, since a file that cannot be read must not make the
    /// client library ask the server for the key.
    fn check_login(&self, invalid: &mut Vec<Invalid>) {
        if let Some(path) = &self.server_public_key {
            let found = fs::read(path).unwrap_or_default();
            if !str::from_utf8(&found).is_ok_and(|text| text.contains("-----BEGIN PUBLIC KEY-----"))
            {
                let allowed = "a file with a public key in PEM form";
                invalid.push(Invalid::new("server_public_key", path, allowed));
            }
        }
        let is_safe = self.unix_socket.is_some() || self.tls.mode >= Mode::VerifyCa;
        if self.allow_cleartext && !is_safe {
            let allowed =
                "false, unless ssl_mode is verify_ca or verify_identity, or a unix_socket is given";
            invalid.push(Invalid::new("allow_cleartext", true, allowed));
        }
    }

    fn check_attributes(&self, invalid: &mut Vec<Invalid>) {
        let mut bytes = 0;
        for (name, value) in &self.attributes {
            bytes += name.len() + value.len();
            let length = name.chars().count();
            let is_ours = name == "program_name";
            if !(1..=32).contains(&length)
                || name.starts_with('_')
                || name.contains('\0')
                || is_ours
            {
                let allowed =
                    "a name of 1 to 32 characters without _ before it, and not program_name";
                invalid.push(Invalid::new("attribute", name, allowed));
            }
            if value.len() > 1024 || value.contains('\0') {
                let allowed = format!("up to 1,024 bytes for {name:?}");
                invalid.push(Invalid::new("attribute", value, allowed));
            }
        }
        if bytes > ATTRIBUTES_ROOM {
            invalid.push(Invalid::new("attribute", bytes, "up to 32,768 bytes for all of them"));
        }
    }

    fn check_session(&self, invalid: &mut Vec<Invalid>) {
        for (setting, text) in
            [("time_zone", Some(&self.time_zone)), ("sql_mode", self.sql_mode.as_ref())]
        {
            let plain = |c: char| c.is_ascii_alphanumeric() || "+-:/_, ".contains(c);
            if let Some(text) = text
                && !text.chars().all(plain)
            {
                let allowed = "letters, digits and the characters + - : / _ ,";
                invalid.push(Invalid::new(setting, text, allowed));
            }
        }
        let word = |text: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            (1..=64).contains(&text.len()) && text.chars().all(plain)
        };
        if let Some(name) = &self.collation
            && !(word(name) && (name.starts_with("utf8mb4_") || name.starts_with("uca1400_")))
        {
            let allowed = "a collation of utf8mb4, such as utf8mb4_bin";
            invalid.push(Invalid::new("collation", name, allowed));
        }
        if let Some(locale) = &self.lc_messages
            && !word(locale)
        {
            invalid.push(Invalid::new("lc_messages", locale, "a locale such as en_US"));
        }
        if let Some(limit) = self.statement_limit {
            let whole = limit.subsec_nanos() % 1_000_000 == 0;
            if !whole || limit.is_zero() || limit > DAY {
                let allowed = "1 ms to 24 h in whole milliseconds";
                invalid.push(Invalid::new("statement_limit", limit, allowed));
            }
        }
    }
}
