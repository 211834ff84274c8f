//! Reads a `mysql://` URL into a [`Config`]; its keys are documented there.

use std::borrow::Cow;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::tls::{Mode, Tls, TlsVersion};
use crate::{Config, Error, Invalid, SessionIsolation, TransactionTracking};

const KEYS: &str = "unix_socket, connect_timeout, read_timeout, write_timeout, ssl_mode, ssl_ca, \
                    ssl_cert, ssl_key, tls_min_version, server_public_key, allow_cleartext, compress, \
                    collation, time_zone, sql_mode, isolation, lc_messages, lock_wait_timeout, \
                    statement_limit, wait_timeout, track_gtids, track_transactions, program_name, \
                    attribute.NAME or statement_cache";

pub(crate) fn parse(text: &str) -> Result<Config, Error> {
    // The text itself is never shown: it may hold the password, also where it is not well-formed.
    let refuse = |allowed| Error::Config(vec![Invalid::new("url", "…", allowed)]);
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "mysql" | "mariadb"))
        .ok_or_else(|| refuse("mysql://user:password@host:port/database?key=value"))?;

    // Where a password holds such a character as it is, the parts are not what they seem: name
    // none.
    let names_nobody = url.username().is_empty() && url.password().is_none();
    if text.contains('@') && names_nobody
        || text.matches('@').count() > 1
        || url.fragment().is_some()
        || url.path().matches('/').count() > 1
    {
        let allowed =
            "one @ before the host and one / after it; @ / ? # elsewhere as %40 %2F %3F %23";
        return Err(refuse(allowed));
    }

    let mut invalid = Vec::new();
    let mut config = Config::new();
    if let Some(host) = url.host_str() {
        config = config.host(host.trim_start_matches('[').trim_end_matches(']'));
    }
    if let Some(port) = url.port() {
        config = config.port(port);
    }
    if !url.username().is_empty() {
        config = config.user(decoded(url.username()));
    }
    if let Some(password) = url.password() {
        config = config.password(decoded(password));
    }
    let database = url.path().trim_start_matches('/');
    if !database.is_empty() {
        config = config.database(decoded(database));
    }
    let mut tls = Tls::preferred();
    let names_mode = url.query_pairs().any(|(key, _)| key == "ssl_mode");
    for (key, value) in url.query_pairs() {
        config = set(config, &mut tls, &key, value, &mut invalid);
    }
    if invalid.is_empty() {
        // Certificates without a mode mean that they are to be used, as with the vendors' clients.
        if !names_mode && tls.ca.is_some() {
            tls.mode = Mode::VerifyCa;
        }
        let config = config.tls(tls);
        config.validate()?;
        return Ok(config);
    }
    if let Err(Error::Config(more)) = config.validate() {
        invalid.extend(more);
    }
    Err(Error::Config(invalid))
}

fn set(
    config: Config,
    tls: &mut Tls,
    key: &str,
    value: Cow<'_, str>,
    invalid: &mut Vec<Invalid>,
) -> Config {
    match key {
        "unix_socket" => config.unix_socket(value.into_owned()),
        "connect_timeout" => {
            let limit = seconds("connect_timeout", &value, config.connect_timeout, invalid);
            config.connect_timeout(limit)
        }
        "read_timeout" => {
            let limit = seconds("read_timeout", &value, config.read_timeout, invalid);
            config.read_timeout(limit)
        }
        "write_timeout" => {
            let limit = seconds("write_timeout", &value, config.write_timeout, invalid);
            config.write_timeout(limit)
        }
        "lock_wait_timeout" => {
            let limit = seconds("lock_wait_timeout", &value, Duration::from_secs(50), invalid);
            config.lock_wait_timeout(limit)
        }
        "statement_cache" => match value.parse() {
            Ok(statements) => config.statement_cache(statements),
            Err(_) => {
                invalid.push(Invalid::new("statement_cache", value, "0 to 16,382 statements"));
                config
            }
        },
        "time_zone" => config.time_zone(value),
        "sql_mode" => config.sql_mode(value),
        "program_name" => config.program_name(value),
        "ssl_mode" | "ssl_ca" | "ssl_cert" | "ssl_key" | "tls_min_version" => {
            set_tls(tls, key, value, invalid);
            config
        }
        _ => set_more(config, key, value, invalid),
    }
}

/// What concerns the login and the session.
fn set_more(config: Config, key: &str, value: Cow<'_, str>, invalid: &mut Vec<Invalid>) -> Config {
    match key {
        "wait_timeout" => {
            let limit = seconds("wait_timeout", &value, Duration::from_secs(28_800), invalid);
            config.wait_timeout(limit)
        }
        "statement_limit" => match value.parse().map(Duration::try_from_secs_f64) {
            Ok(Ok(limit)) => config.statement_limit(limit),
            _ => refuse(config, "statement_limit", &value, "a number of seconds", invalid),
        },
        "isolation" => {
            let level = SessionIsolation::ALL
                .into_iter()
                .find(|level| value.replace(['_', ' '], "-").eq_ignore_ascii_case(level.as_str()));
            match level {
                Some(level) => config.isolation(level),
                None => {
                    let levels =
                        "read-uncommitted, read-committed, repeatable-read or serializable";
                    refuse(config, "isolation", &value, levels, invalid)
                }
            }
        }
        "compress" => switched(config, "compress", &value, Config::compress, invalid),
        "allow_cleartext" => {
            switched(config, "allow_cleartext", &value, Config::allow_cleartext, invalid)
        }
        "track_gtids" => switched(config, "track_gtids", &value, Config::track_gtids, invalid),
        "track_transactions" => {
            let what = TransactionTracking::ALL
                .into_iter()
                .find(|what| value.eq_ignore_ascii_case(what.as_str()));
            match what {
                Some(what) => config.track_transactions(what),
                None => {
                    let allowed = "state or characteristics";
                    refuse(config, "track_transactions", &value, allowed, invalid)
                }
            }
        }
        "server_public_key" => config.server_public_key(value.into_owned()),
        "collation" => config.collation(value),
        "lc_messages" => config.lc_messages(value),
        _ => match key.strip_prefix("attribute.") {
            Some(name) => config.attribute(name, value),
            None => refuse(config, "url parameter", key, KEYS, invalid),
        },
    }
}

fn switched(
    config: Config,
    setting: &'static str,
    value: &str,
    set: fn(Config, bool) -> Config,
    invalid: &mut Vec<Invalid>,
) -> Config {
    match value.parse() {
        Ok(on) => set(config, on),
        Err(_) => refuse(config, setting, value, "true or false", invalid),
    }
}

/// Notes what is wrong, and leaves the rest to be looked at too.
fn refuse(
    config: Config,
    setting: &'static str,
    value: &str,
    allowed: &str,
    invalid: &mut Vec<Invalid>,
) -> Config {
    invalid.push(Invalid::new(setting, value, allowed));
    config
}

fn set_tls(tls: &mut Tls, key: &str, value: Cow<'_, str>, invalid: &mut Vec<Invalid>) {
    match key {
        "ssl_ca" => tls.ca = Some(value.into_owned().into()),
        "ssl_cert" => tls.cert = Some(value.into_owned().into()),
        "ssl_key" => tls.key = Some(value.into_owned().into()),
        "tls_min_version" => match &*value {
            "1.2" => tls.min_version = TlsVersion::V1_2,
            "1.3" => tls.min_version = TlsVersion::V1_3,
            _ => invalid.push(Invalid::new("tls_min_version", value, "1.2 or 1.3")),
        },
        _ => match Mode::ALL.into_iter().find(|mode| value.eq_ignore_ascii_case(mode.as_str())) {
            Some(mode) => tls.mode = mode,
            None => {
                let modes = "disabled, preferred, required, verify_ca or verify_identity";
                invalid.push(Invalid::new("ssl_mode", value, modes));
            }
        },
    }
}

fn seconds(
    setting: &'static str,
    value: &str,
    before: Duration,
    invalid: &mut Vec<Invalid>,
) -> Duration {
    value.parse().map_or_else(
        |_| {
            invalid.push(Invalid::new(setting, value, "a number of seconds"));
            before
        },
        Duration::from_secs,
    )
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        match Config::from_url(url) {
            Err(error @ Error::Config(_)) => error.to_string(),
            other => panic!("expected a refusal of {url}, got {other:?}"),
        }
    }

    #[test]
    fn every_part_of_a_url_arrives() {
        let config = Config::from_url(
            "mysql://sh%40p:p%2Fw@[::1]:3307/my%20shop?read_timeout=5&time_zone=SYSTEM&ssl_mode=REQUIRED",
        )
        .expect("a good URL");
        assert_eq!(config.endpoint(), "[::1]:3307");
        assert_eq!(config.user_name(), "sh@p");
        assert_eq!(config.password.as_deref().map(String::as_str), Some("p/w"));
        assert_eq!(config.database_name(), Some("my shop"));
        assert_eq!(config.read_timeout, Duration::from_secs(5));
        assert_eq!(config.tls, Tls::required());
    }

    #[test]
    fn unknown_parameters_and_bad_values_are_named_together() {
        let text =
            refusal("mysql://u:hidden@h/d?connection_timeout=3&read_timeout=soon&ssl_mode=on");
        for word in ["connection_timeout", "read_timeout", "ssl_mode", "connect_timeout"] {
            assert!(text.contains(word), "{word} in {text}");
        }
        assert!(!text.contains("hidden"), "{text}");
    }

    #[test]
    fn a_text_that_is_no_url_is_refused_without_showing_it() {
        for url in [
            "",
            "mysql://u:hid@hidden@h/d",
            "mysql://u:12?hidden@h/d",
            "mysql://u:12/hidden@h/d",
            "mysql://u:1#hidden@h/d",
            "u:hidden@h/d",
            "postgres://u:hidden@h/d",
            "mysql://u:hidden@h:99999/d",
        ] {
            assert!(!refusal(url).contains("hidden"), "{url}");
        }
    }

    #[test]
    fn options_in_the_host_are_refused() {
        for url in ["mysql://u:p@host=127.0.0.1;port=3/d", "mysql://u:p@h%3Bx/d"] {
            assert!(refusal(url).contains("host"), "{url}");
        }
    }
}
