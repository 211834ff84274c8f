//! What every story here begins with.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fmt;
use std::time::Duration;

use diesel::connection::BoxableConnection;
use diesel::migration::{
    Migration, MigrationMetadata, MigrationName, MigrationSource, MigrationVersion, Result,
};
use diesel::mysql::Mysql;
use steadfast_manager::DatabaseConfig;
use steadfast_testkit::TestDatabase;

pub(crate) const TEN_SECONDS: Duration = Duration::from_secs(10);

/// A database as an application would open it.
pub(crate) fn config(database: &TestDatabase) -> DatabaseConfig {
    DatabaseConfig::from_url(&database.url()).expect("the testkit gives good URLs")
}

/// Migrations of an application: names as of folders, and texts as of `up.sql`.
#[derive(Clone, Debug)]
pub(crate) struct Scripts(pub(crate) Vec<Script>);

#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) name: &'static str,
    pub(crate) up: String,
    pub(crate) in_transaction: bool,
}

pub(crate) fn script(name: &'static str, up: impl Into<String>) -> Script {
    Script { name, up: up.into(), in_transaction: true }
}

impl MigrationSource<Mysql> for Scripts {
    fn migrations(&self) -> Result<Vec<Box<dyn Migration<Mysql>>>> {
        let boxed = |script: &Script| Box::new(script.clone()) as Box<dyn Migration<Mysql>>;
        Ok(self.0.iter().map(boxed).collect())
    }
}

impl Migration<Mysql> for Script {
    fn run(&self, conn: &mut dyn BoxableConnection<Mysql>) -> Result<()> {
        Ok(conn.batch_execute(&self.up)?)
    }

    fn revert(&self, _: &mut dyn BoxableConnection<Mysql>) -> Result<()> {
        Err("nothing is reverted here".into())
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        self
    }

    fn name(&self) -> &dyn MigrationName {
        self
    }
}

impl MigrationMetadata for Script {
    fn run_in_transaction(&self) -> bool {
        self.in_transaction
    }
}

impl MigrationName for Script {
    fn version(&self) -> MigrationVersion<'_> {
        self.name.split('_').next().unwrap_or_default().into()
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
