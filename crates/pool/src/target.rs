//! Where to connect, and as whom: fixed, or asked for before each connect.
//!
//! A password that is rotated, a writer that has moved: whoever knows is asked on the connector's
//! thread, so that no caller waits for the answer. An answer that differs from the one before means
//! that what is open now is to be replaced.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;
use steadfast_connection::{Config, Error as ConnectError};

use crate::listener::{caught, panicked};

/// What a provider says.
pub(crate) type Answer = Result<Config, Box<dyn StdError + Send + Sync>>;

/// Who is asked for the settings; gets those that the pool was built with.
#[derive(Clone)]
pub(crate) struct Provider(pub(crate) Arc<dyn Fn(&Config) -> Answer + Send + Sync>);

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Provider")
    }
}

#[derive(Debug)]
pub(crate) struct Target {
    base: Config,
    provider: Option<Provider>,
    asked: AtomicU64,
    /// The last answer, and the number of the question: an answer may be overtaken by a younger one.
    known: Mutex<(u64, Option<Config>)>,
}

impl Target {
    pub(crate) fn new(base: Config, provider: Option<Provider>) -> Self {
        Self { base, provider, asked: AtomicU64::new(0), known: Mutex::new((0, None)) }
    }

    /// What the pool was built with.
    pub(crate) fn base(&self) -> &Config {
        &self.base
    }

    /// What to connect to now, and whether that is news.
    ///
    /// # Errors
    /// [`ConnectError::Provider`] with what the provider said; a panic of it is one, too.
    pub(crate) fn ask(&self) -> Result<(Config, bool), ConnectError> {
        let Some(Provider(provider)) = &self.provider else {
            return Ok((self.base.clone(), false));
        };
        let question = self.asked.fetch_add(1, Relaxed) + 1;
        let answer = caught(|| provider(&self.base)).ok_or_else(|| panicked("the provider"))?;
        let config = answer.map_err(|error| ConnectError::Provider(error.into()))?;
        let mut known = self.known.lock();
        if question < known.0 {
            return Ok((config, false));
        }
        let is_news = known.1.as_ref().is_some_and(|before| *before != config);
        *known = (question, Some(config.clone()));
        Ok((config, is_news))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(answer: impl Fn(&Config) -> Answer + Send + Sync + 'static) -> Target {
        Target::new(Config::new().user("app"), Some(Provider(Arc::new(answer))))
    }

    #[test]
    fn a_changed_answer_is_news_once() {
        let password = Arc::new(Mutex::new("first"));
        let asked = Arc::clone(&password);
        let target = target(move |base| Ok(base.clone().password(*asked.lock())));
        let news = || target.ask().unwrap().1;
        assert_eq!([news(), news()], [false, false], "nothing is open that could differ");
        *password.lock() = "second";
        assert_eq!([news(), news()], [true, false]);
        assert_eq!(target.base(), &Config::new().user("app"));
    }

    #[test]
    fn an_answer_that_was_overtaken_is_no_news() {
        let target = target(|base| Ok(base.clone().password("old")));
        *target.known.lock() = (9, Some(Config::new().password("new")));
        let (config, is_news) = target.ask().unwrap();
        assert_eq!((config, is_news), (Config::new().user("app").password("old"), false));
        assert_eq!(target.known.lock().1, Some(Config::new().password("new")));
    }

    #[test]
    fn an_error_and_a_panic_are_told_as_what_may_pass() {
        let silent = target(|_| Err("the vault is sealed".into()));
        let error = silent.ask().unwrap_err();
        assert_eq!(error.to_string(), "no settings to connect with: the vault is sealed");
        let panics = target(|_| panic!("on purpose"));
        assert!(matches!(panics.ask(), Err(ConnectError::Provider(_))));
    }
}
