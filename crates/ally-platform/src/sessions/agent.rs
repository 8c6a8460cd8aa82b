//! The family of a browser: enough for a person to recognise her device, too little to recognise her by.

/// What kind of program a `User-Agent` says it is: one of a closed list.
pub(crate) fn family(user_agent: &str) -> &'static str {
    let has = |word: &str| user_agent.contains(word);
    let system = if has("iPhone") || has("iPad") {
        "iOS"
    } else if has("Android") {
        "Android"
    } else if has("Windows") {
        "Windows"
    } else if has("Mac OS X") || has("Macintosh") {
        "macOS"
    } else if has("Linux") || has("X11") {
        "Linux"
    } else {
        ""
    };
    // The order matters: Edge and Opera also say Chrome, and Chrome also says Safari.
    let browser = if has("Firefox/") || has("FxiOS/") {
        "Firefox"
    } else if has("Edg/") || has("EdgA/") || has("EdgiOS/") {
        "Edge"
    } else if has("OPR/") {
        "Opera"
    } else if has("Chrome/") || has("CriOS/") || has("Chromium/") {
        "Chrome"
    } else if has("Safari/") {
        "Safari"
    } else {
        ""
    };
    match (browser, system) {
        ("Firefox", "Windows") => "Firefox on Windows",
        ("Firefox", "macOS") => "Firefox on macOS",
        ("Firefox", "Linux") => "Firefox on Linux",
        ("Firefox", "Android") => "Firefox on Android",
        ("Firefox", "iOS") => "Firefox on iOS",
        ("Edge", "Windows") => "Edge on Windows",
        ("Edge", _) => "Edge",
        ("Opera", _) => "Opera",
        ("Chrome", "Windows") => "Chrome on Windows",
        ("Chrome", "macOS") => "Chrome on macOS",
        ("Chrome", "Linux") => "Chrome on Linux",
        ("Chrome", "Android") => "Chrome on Android",
        ("Chrome", "iOS") => "Chrome on iOS",
        ("Safari", "macOS") => "Safari on macOS",
        ("Safari", "iOS") => "Safari on iOS",
        ("", _) if has("ally/") => "Ally on the command line",
        ("", _) if has("curl/") => "curl",
        _ => "Another program",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_without_its_version() {
        for (said, shown) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18 Safari/604",
                "Safari on iOS",
            ),
            ("curl/8.1", "curl"),
            ("<script>", "Another program"),
        ] {
            assert_eq!(family(said), shown);
        }
    }
}
