//! Encryption: five modes with the names of `--ssl-mode`, meant as they are called.

use std::path::{Path, PathBuf};

use crate::Invalid;

/// Encryption of the connection.
///
/// ```
/// use steadfast_connection::Tls;
///
/// let tls = Tls::verify_identity("/etc/ssl/certs/ca-certificates.crt");
/// assert_eq!(tls.mode(), "verify_identity");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    pub(crate) mode: Mode,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) min_version: TlsVersion,
}

/// The oldest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2, of 2008. The default.
    #[default]
    V1_2,
    /// TLS 1.3, of 2018.
    V1_3,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mode {
    Disabled,
    Preferred,
    Required,
    VerifyCa,
    VerifyIdentity,
}

impl Mode {
    pub(crate) const ALL: [Self; 5] =
        [Self::Disabled, Self::Preferred, Self::Required, Self::VerifyCa, Self::VerifyIdentity];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Preferred => "preferred",
            Self::Required => "required",
            Self::VerifyCa => "verify_ca",
            Self::VerifyIdentity => "verify_identity",
        }
    }
}

impl Tls {
    /// Plain text.
    #[must_use]
    pub fn disabled() -> Self {
        Self::new(Mode::Disabled)
    }

    /// Encrypted if the server offers it, whoever it is. The default.
    #[must_use]
    pub fn preferred() -> Self {
        Self::new(Mode::Preferred)
    }

    /// Encrypted or not at all, whoever the server is.
    #[must_use]
    pub fn required() -> Self {
        Self::new(Mode::Required)
    }

    /// Encrypted, and the certificate is signed by one in the file `ca`.
    ///
    /// libmariadb cannot check the signature alone: there this is
    /// [`verify_identity`](Self::verify_identity).
    #[must_use]
    pub fn verify_ca(ca: impl Into<PathBuf>) -> Self {
        Self { ca: Some(ca.into()), ..Self::new(Mode::VerifyCa) }
    }

    /// Encrypted, the certificate is signed by one in the file `ca`, and made out to the host's
    /// name.
    #[must_use]
    pub fn verify_identity(ca: impl Into<PathBuf>) -> Self {
        Self { ca: Some(ca.into()), ..Self::new(Mode::VerifyIdentity) }
    }

    /// The client's own certificate and key, as files.
    #[must_use]
    pub fn certificate(mut self, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.cert = Some(cert.into());
        self.key = Some(key.into());
        self
    }

    /// The oldest version of TLS to speak. Default 1.2.
    #[must_use]
    pub fn min_version(mut self, version: TlsVersion) -> Self {
        self.min_version = version;
        self
    }

    /// The mode's name, as in `ssl_mode`.
    pub fn mode(&self) -> &'static str {
        self.mode.as_str()
    }

    pub(crate) fn new(mode: Mode) -> Self {
        Self { mode, ca: None, cert: None, key: None, min_version: TlsVersion::V1_2 }
    }

    pub(crate) fn check(&self, invalid: &mut Vec<Invalid>) {
        let wants_ca = self.mode >= Mode::VerifyCa;
        if wants_ca && self.ca.is_none() {
            invalid.push(Invalid::new("ssl_ca", self.ca.as_deref(), "a file, in this ssl_mode"));
        }
        if self.mode == Mode::Disabled && self.has_files() {
            let allowed = "anything but disabled, with certificates given";
            invalid.push(Invalid::new("ssl_mode", self.mode(), allowed));
        }
        if self.cert.is_some() != self.key.is_some() {
            invalid.push(Invalid::new(
                "ssl_key",
                self.key.as_deref(),
                "given together with ssl_cert",
            ));
        }
        for (setting, path) in self.paths() {
            if !path.is_file() {
                invalid.push(Invalid::new(setting, path, "a file that exists"));
            }
        }
    }

    /// True if a certificate or a key was given.
    pub(crate) fn has_files(&self) -> bool {
        self.paths().next().is_some()
    }

    fn paths(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        [("ssl_ca", &self.ca), ("ssl_cert", &self.cert), ("ssl_key", &self.key)]
            .into_iter()
            .filter_map(|(setting, path)| Some((setting, path.as_deref()?)))
    }
}
