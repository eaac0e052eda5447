//! The pages a paying customer sees: what they say, how they look, and the files they need.
//!
//! - [`view`]: one struct per page, rendered by the template of the same name in `templates/pages/`.
//! - [`locale`]: the languages, one file each in `locales/`, and how each of them writes an amount.
//! - [`assets`]: the style sheet, the script and the card marks in `static/`, served under a name that changes
//!   with their content.
//!
//! Rules: every page works without JavaScript; nothing inline (styles, scripts, handlers) and nothing from a
//! third party, so the strictest content security policy holds; a card number or security code is never
//! written into a page.

pub(crate) mod assets;
pub(crate) mod locale;
pub(crate) mod view;
