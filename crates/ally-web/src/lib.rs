//! The built browser app as bytes: every file of `web/dist`, compressed at build time, in one static table.

/// One file of the app, ready to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// The file as it is.
    pub bytes: &'static [u8],
    /// The same, compressed with Brotli, where that is smaller.
    pub br: Option<&'static [u8]>,
    /// The same, compressed with gzip, where that is smaller.
    pub gz: Option<&'static [u8]>,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// The value of `ETag`, with its quotes. It names the content; add nothing per encoding but use `Vary`.
    pub etag: &'static str,
    /// Whether the name holds a hash of the content, so that a browser may keep it for ever. Everything else is
    /// sent with `no-cache`.
    pub immutable: bool,
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The file at this path of the address (`/assets/entry-4f3a.js`). A path under `/assets/` that is not here must be
/// answered with 404 and never with the page: a browser with an older page would take HTML for a script.
pub fn get(path: &str) -> Option<&'static Asset> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let at = FILES.binary_search_by(|(name, _)| (*name).cmp(path)).ok()?;
    Some(&FILES[at].1)
}

/// The one page of the app, for `/app` and every address below it.
pub fn index() -> &'static Asset {
    &INDEX
}

/// Every path that [`get`] knows, sorted, without the leading slash.
pub fn paths() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_html_and_never_kept_for_ever() {
        assert_eq!(index().content_type, "text/html; charset=utf-8");
        assert!(!index().immutable);
        assert!(!index().bytes.is_empty());
    }

    #[test]
    fn a_missing_asset_is_missing_and_not_the_page() {
        assert!(get("/assets/no-such-file.js").is_none());
        assert!(get("").is_none());
    }

    #[test]
    fn every_file_is_found_under_its_path_with_and_without_the_slash() {
        for path in paths() {
            assert!(get(path).is_some(), "{path}");
            assert!(get(&format!("/{path}")).is_some(), "{path}");
        }
    }

    #[test]
    fn only_hashed_names_are_kept_for_ever() {
        for path in paths() {
            let asset = get(path).expect("listed");
            assert_eq!(asset.immutable, path.starts_with("assets/"), "{path}");
            assert!(asset.etag.starts_with('"') && asset.etag.ends_with('"'), "{path}");
        }
    }
}
