//! Pages that stand in the way: checks, refusals, log-ins, dead ends.

use super::frame::{bare, frame};

/// A check in the shape of Amazon's, with status 200.
pub(in crate::shop) fn captcha() -> String {
    bare(
        "Robot Check",
        "<h1>Enter the characters you see below</h1><p>Before you go on, show that you are a person and not a robot.</p>\
         <form method=\"get\" action=\"/errors/validateCaptcha\"><svg viewBox=\"0 0 200 70\" width=\"200\" role=\"img\">\
         <rect width=\"200\" height=\"70\" fill=\"#eee\"/><text x=\"30\" y=\"46\" font-size=\"34\" transform=\"rotate(-4 100 35)\">LRKSPR</text></svg>\
         <p><input id=\"captchacharacters\" name=\"field-keywords\" placeholder=\"Type characters\" autocomplete=\"off\"></p>\
         <button>Go on</button></form>",
    )
}

/// A refusal (403).
pub(in crate::shop) fn blocked() -> String {
    bare(
        "Access Denied",
        "<h1>Access Denied</h1><p>You don't have permission to access this page on this server.</p><p>Reference #18.7f000001</p>",
    )
}

/// "Come back later" (429 or 503).
pub(in crate::shop) fn throttled() -> String {
    bare(
        "Too many requests",
        "<h1>Too many requests</h1><p>The shop is very busy. Please try again in a few seconds.</p>",
    )
}

/// A page for members only, with status 200.
pub(in crate::shop) fn login() -> String {
    frame(
        "Sign in | Larkspur Goods",
        "",
        "<div class=\"plain\"><h1>Sign in</h1><p>You must be signed in to see this page.</p>\
         <form method=\"post\" action=\"/login\"><p><input type=\"email\" name=\"email\" placeholder=\"Email\"></p>\
         <p><input type=\"password\" name=\"password\" placeholder=\"Password\"></p><button>Sign in</button></form></div>",
    )
}

/// A dead end (404).
pub(in crate::shop) fn missing() -> String {
    frame(
        "Page not found | Larkspur Goods",
        "",
        "<div class=\"plain\"><h1>Page not found</h1><p>There is nothing at this address.</p></div>",
    )
}
