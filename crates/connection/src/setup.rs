//! The one statement that sets a session up, so that connecting costs one round trip beside the
//! greeting.

use crate::Config;
use crate::fault::Vendor;

/// The statement for `config`. `Config::validate` has refused quotes in the texts.
///
/// The greeting names the character set too, by a collation; where the server does not know that one
/// (libmysqlclient says `utf8mb4_0900_ai_ci`, MariaDB 10.11 has none) it silently takes its own default.
pub(crate) fn statement(config: &Config, vendor: Vendor) -> String {
    let mut settings = vec![match &config.collation {
        Some(collation) => format!("NAMES utf8mb4 COLLATE {collation}"),
        None => "NAMES utf8mb4".to_owned(),
    }];
    settings.push(format!("time_zone='{}'", config.time_zone));
    // What `Connection::state_touched` rests on.
    settings.push("session_track_schema=1, session_track_state_change=1".to_owned());
    if config.track_gtids {
        settings.push(match vendor {
            // The name alone, not *: what else changes would be told of twice.
            Vendor::MariaDb => "session_track_system_variables=\
                 CONCAT(@@session_track_system_variables, ',last_gtid')"
                .to_owned(),
            Vendor::MySql => "session_track_gtids=OWN_GTID".to_owned(),
        });
    }
    if let Some(tracking) = config.track_transactions {
        settings.push(format!("session_track_transaction_info={}", tracking.as_str()));
    }
    if let Some(mode) = &config.sql_mode {
        settings.push(format!("sql_mode='{mode}'"));
    }
    if let Some(locale) = &config.lc_messages {
        settings.push(format!("lc_messages='{locale}'"));
    }
    if let Some(limit) = config.lock_wait_timeout {
        settings.push(format!("innodb_lock_wait_timeout={}", limit.as_secs()));
    }
    if let Some(limit) = config.wait_timeout {
        settings.push(format!("wait_timeout={}", limit.as_secs()));
    }
    if let Some(level) = config.isolation {
        // MariaDB 10.11 does not know MySQL's name, nor MySQL 9 MariaDB's.
        let name = match vendor {
            Vendor::MariaDb => "tx_isolation",
            Vendor::MySql => "transaction_isolation",
        };
        settings.push(format!("{name}='{}'", level.as_str()));
    }
    if let Some(limit) = config.statement_limit {
        let millis = limit.as_millis();
        settings.push(match vendor {
            Vendor::MariaDb => {
                format!("max_statement_time={}.{:03}", millis / 1000, millis % 1000)
            }
            Vendor::MySql => format!("max_execution_time={millis}"),
        });
    }
    format!("SET {}", settings.join(", "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::SessionIsolation;

    #[test]
    fn gtids_are_asked_for_in_the_vendors_own_way() {
        let config = Config::new().track_gtids(true);
        assert!(statement(&config, Vendor::MySql).ends_with(", session_track_gtids=OWN_GTID"));
        let mariadb = statement(&config, Vendor::MariaDb);
        assert!(mariadb.ends_with("=CONCAT(@@session_track_system_variables, ',last_gtid')"));
    }

    #[test]
    fn the_vendors_names_and_units_are_their_own() {
        let config = Config::new()
            .statement_limit(Duration::from_millis(1050))
            .isolation(SessionIsolation::ReadCommitted);
        let mariadb = statement(&config, Vendor::MariaDb);
        assert!(mariadb.ends_with("tx_isolation='READ-COMMITTED', max_statement_time=1.050"));
        let mysql = statement(&config, Vendor::MySql);
        assert!(mysql.ends_with("transaction_isolation='READ-COMMITTED', max_execution_time=1050"));
    }
}
