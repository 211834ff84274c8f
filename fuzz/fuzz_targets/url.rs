//! Any text as a URL: accepted or refused, never a panic, and the password is never shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steadfast_connection::Config;

fuzz_target!(|text: &str| {
    if let Ok(config) = Config::from_url(text) {
        assert!(config.validate().is_ok(), "what is accepted is valid");
        std::hint::black_box(format!("{config:?} {}", config.endpoint()));
    }
    // The same after a good beginning, which chance seldom finds.
    let with_password = format!("mysql://shop:Zq7%40XvW9@db1:3306/shop?{text}");
    let shown = match Config::from_url(&with_password) {
        Ok(config) => format!("{config:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!shown.contains("Zq7") || text.contains("Zq7"), "{shown}");
});
