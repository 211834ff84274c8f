//! Which migrations there are: our own, then the application's.

use std::fmt;
use std::sync::Arc;

use diesel::migration::{Migration, MigrationSource};
use diesel::mysql::Mysql;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::migrate::recorder::Recorder;

/// Steadfast's own tables.
const OWN: EmbeddedMigrations = embed_migrations!("../../migrations");

/// The application's migrations, to be read as often as somebody migrates.
#[derive(Clone)]
pub(crate) struct Source(Arc<dyn MigrationSource<Mysql> + Send + Sync>);

impl Source {
    pub(crate) fn new(source: impl MigrationSource<Mysql> + Send + Sync + 'static) -> Self {
        Self(Arc::new(source))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source(…)")
    }
}

/// One migration, ready to run.
pub(crate) struct Step {
    pub(crate) known: Known,
    pub(crate) work: Work,
    pub(crate) in_transaction: bool,
}

/// What identifies a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) version: String,
    pub(crate) name: String,
    /// SHA-256 of its text, lower case hexadecimal.
    pub(crate) checksum: String,
}

/// What a migration does.
pub(crate) enum Work {
    /// Text, in the batches in which it was given.
    Sql(Vec<String>),
    /// Code that wants a real connection.
    Rust(Box<dyn Migration<Mysql>>),
}

/// All migrations, in the order in which they run.
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
}

impl Plan {
    /// Reads both sources.
    ///
    /// # Errors
    /// [`Error::Source`] if the application's cannot be read, or two migrations share a version.
    pub(crate) fn read(source: Option<&Source>) -> Result<Self, Error> {
        let mut steps = sorted(&OWN)?;
        for step in source.map_or(Ok(Vec::new()), |source| sorted(&*source.0))? {
            match steps.iter().find(|known| known.known.version == step.known.version) {
                None => steps.push(step),
                // An application may keep a copy of ours for diesel's command line.
                Some(known) if known.known.checksum == step.known.checksum => {}
                Some(known) => {
                    return Err(Error::Source(format!(
                        "two migrations have version {}: {} and {}",
                        step.known.version, known.known.name, step.known.name
                    )));
                }
            }
        }
        Ok(Self { steps })
    }

    /// What identifies each, in the order in which they run.
    pub(crate) fn known(&self) -> Vec<Known> {
        self.steps.iter().map(|step| step.known.clone()).collect()
    }

    /// The text that makes the record of migrations, which must be there before the first.
    pub(crate) fn journal_text(&self) -> Option<&str> {
        let journal =
            self.steps.iter().find(|step| step.known.name.ends_with("_steadfast_migration"));
        match &journal?.work {
            Work::Sql(texts) => texts.first().map(String::as_str),
            Work::Rust(_) => None,
        }
    }
}

fn sorted(source: &dyn MigrationSource<Mysql>) -> Result<Vec<Step>, Error> {
    let migrations = source.migrations().map_err(|error| Error::Source(error.to_string()))?;
    let mut steps: Vec<Step> = migrations.into_iter().map(Step::of).collect();
    steps.sort_by(|a, b| a.known.version.cmp(&b.known.version));
    Ok(steps)
}

impl Step {
    fn of(migration: Box<dyn Migration<Mysql>>) -> Self {
        let version = migration.name().version().to_string();
        let name = migration.name().to_string();
        let in_transaction = migration.metadata().run_in_transaction();
        let (work, checksum) = match Recorder::texts_of(&*migration) {
            Some(texts) => {
                let checksum = sha256(texts.iter().map(String::as_str));
                (Work::Sql(texts), checksum)
            }
            // Code has no text to compare; its name stands for it.
            None => (Work::Rust(migration), sha256(["rust", &name].into_iter())),
        };
        Self { known: Known { version, name, checksum }, work, in_transaction }
    }
}

fn sha256<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    texts.for_each(|text| hash.update(text));
    hex(&hash.finalize())
}

/// Lower case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use diesel::migration::{MigrationMetadata, MigrationName, MigrationVersion};

    #[test]
    fn our_own_come_first_and_the_record_of_migrations_is_among_them() {
        let plan = Plan::read(None).expect("ours can be read");
        let names: Vec<&str> = plan.steps.iter().map(|step| step.known.name.as_str()).collect();
        assert!(
            names.len() >= 3 && names.iter().all(|name| name.contains("steadfast_")),
            "{names:?}"
        );
        assert!(plan.journal_text().is_some_and(|sql| sql.contains("CREATE TABLE")));
        assert_eq!(plan.steps[0].known.version, "20261124000001");
        assert_eq!(plan.steps[0].known.checksum.len(), 64);
    }

    /// A migration of one text, or of code.
    #[derive(Clone)]
    struct Made(&'static str, Option<&'static str>);

    impl fmt::Display for Made {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }
    impl MigrationName for Made {
        fn version(&self) -> MigrationVersion<'_> {
            self.0.into()
        }
    }
    impl MigrationMetadata for Made {}
    impl Migration<Mysql> for Made {
        fn run(
            &self,
            conn: &mut dyn diesel::connection::BoxableConnection<Mysql>,
        ) -> diesel::migration::Result<()> {
            match self.1 {
                Some(sql) => Ok(conn.batch_execute(sql)?),
                None => conn
                    .downcast_mut::<steadfast_connection::Connection>()
                    .map(|_| ())
                    .ok_or_else(|| "not ours".into()),
            }
        }
        fn revert(
            &self,
            _: &mut dyn diesel::connection::BoxableConnection<Mysql>,
        ) -> diesel::migration::Result<()> {
            Ok(())
        }
        fn metadata(&self) -> &dyn MigrationMetadata {
            self
        }
        fn name(&self) -> &dyn MigrationName {
            self
        }
    }
    impl MigrationSource<Mysql> for Made {
        fn migrations(&self) -> diesel::migration::Result<Vec<Box<dyn Migration<Mysql>>>> {
            Ok(vec![Box::new(self.clone())])
        }
    }

    #[test]
    fn text_is_told_from_code() {
        let texts =
            |made| match Plan::read(Some(&Source::new(made))).map(|mut plan| plan.steps.pop()) {
                Ok(Some(Step { work: Work::Sql(texts), .. })) => Some(texts),
                _ => None,
            };
        assert_eq!(texts(Made("1", Some("SELECT 1"))), Some(vec!["SELECT 1".to_owned()]));
        assert_eq!(texts(Made("2", None)), None);
    }

    #[test]
    fn a_version_that_two_migrations_claim_is_refused() {
        let refused = Plan::read(Some(&Source::new(Made("20261124000001", Some("SELECT 1")))));
        assert!(matches!(refused.map(|_| ()), Err(Error::Source(_))));
    }
}
