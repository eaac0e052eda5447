//! The files our pages load: embedded in the binary, addressed by their content.
//!
//! `/static/{hash}/{name}` names one exact content, so a browser may keep it for ever and a new release is never
//! mixed with an old page. An address with another hash is not found rather than answered with other content.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// One embedded file.
struct Asset {
    name: &'static str,
    content: &'static [u8],
    content_type: &'static str,
    path: String,
}

static ASSETS: LazyLock<[Asset; 9]> = LazyLock::new(|| {
    [
        asset("kassa.css", "text/css; charset=utf-8", include_bytes!("../../static/kassa.css")),
        asset("docs.css", "text/css; charset=utf-8", include_bytes!("../../static/docs.css")),
        asset("kassa.js", "text/javascript; charset=utf-8", include_bytes!("../../static/kassa.js")),
        asset("threeds.js", "text/javascript; charset=utf-8", include_bytes!("../../static/threeds.js")),
        asset("icon.svg", SVG, include_bytes!("../../static/icon.svg")),
        asset("maestro.svg", SVG, include_bytes!("../../static/brands/maestro.svg")),
        asset("mastercard.svg", SVG, include_bytes!("../../static/brands/mastercard.svg")),
        asset("visa.svg", SVG, include_bytes!("../../static/brands/visa.svg")),
        asset("amex.svg", SVG, include_bytes!("../../static/brands/amex.svg")),
    ]
});

const SVG: &str = "image/svg+xml";

/// The address of the asset called `name`, e.g. `/static/0a1b2c3d/kassa.css`.
///
/// # Panics
///
/// If there is no such asset. Names are literals in our templates, and a test renders all of them.
pub(crate) fn path(name: &str) -> &'static str {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    &asset.expect("every asset named in a template is in the table").path
}

/// The text of the asset called `name`; empty if there is none.
pub(crate) fn text(name: &str) -> &'static str {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    asset.and_then(|asset| std::str::from_utf8(asset.content).ok()).unwrap_or_default()
}

/// The content and content type behind `/static/{hash}/{name}`.
pub(crate) fn find(hash: &str, name: &str) -> Option<(&'static [u8], &'static str)> {
    let asset = ASSETS.iter().find(|asset| asset.name == name)?;
    (asset.path == address(hash, name)).then_some((asset.content, asset.content_type))
}

fn asset(name: &'static str, content_type: &'static str, content: &'static [u8]) -> Asset {
    let hash: String = Sha256::digest(content).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    Asset { name, content, content_type, path: address(&hash, name) }
}

fn address(hash: &str, name: &str) -> String {
    format!("/static/{hash}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_is_found_at_its_own_path_and_nowhere_else() {
        for asset in ASSETS.iter() {
            let parts: Vec<&str> = path(asset.name).split('/').collect();
            let ["", "static", hash, name] = parts[..] else { panic!("{} has no such path", asset.name) };
            assert_eq!(hash.len(), 8);
            assert_eq!(find(hash, name), Some((asset.content, asset.content_type)));
            assert_eq!(find("00000000", name), None);
            assert_eq!(find("", name), None);
        }
        assert_eq!(find("00000000", "other.css"), None);
    }

    #[test]
    fn nothing_we_serve_loads_anything_from_elsewhere() {
        for asset in ASSETS.iter() {
            let text = std::str::from_utf8(asset.content).unwrap();
            let text = text.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
            for forbidden in ["http:", "https://", "@import", "url(", "style=", "<script"] {
                assert!(!text.contains(forbidden), "{} contains {forbidden}", asset.name);
            }
        }
    }

    #[test]
    fn the_script_stays_small() {
        let (script, _) = (include_bytes!("../../static/kassa.js"), ());
        assert!(script.len() < 8 * 1024, "{} bytes", script.len());
    }
}
