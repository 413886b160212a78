//! Elements and addresses that only obstacles have, by who serves them.

use super::{Decision, SHORT, Shape};
use crate::extraction::Verdict;
use crate::html::{Document, Selector};

/// A page with more markup than this is only searched for elements.
const MAX_SEARCHED: usize = 400 << 10;

/// Elements of a check that stand on no other page.
const ELEMENTS: &[(Verdict, &str, &str)] = &[
    (
        Verdict::Captcha,
        "amazon",
        "form[action*='validateCaptcha'], #captchacharacters, form.cvf-widget-form-captcha, form[action*='/errors_page/validateCaptcha']",
    ),
    (
        Verdict::Captcha,
        "cloudflare",
        "#challenge-form, #cf-challenge-running, form[action*='__cf_chl'], #challenge-running, #cf-please-wait, #trk_jschal_js, .cf-browser-verification",
    ),
    (Verdict::Captcha, "google", "form#captcha-form[action='index'], form#captcha-form[action*='sorry']"),
    (Verdict::Captcha, "anubis", "script#anubis_challenge, script#anubis_version"),
    (Verdict::Captcha, "perimeterx", "#px-captcha, #px-captcha-wrapper"),
    (
        Verdict::Captcha,
        "datadome",
        "iframe[src*='captcha-delivery.com'], script[src*='captcha-delivery.com']",
    ),
    (
        Verdict::Captcha,
        "aws-waf",
        "script[src*='token.awswaf.com'][src*='challenge'] ~ #challenge-container, #challenge-container",
    ),
    (Verdict::Captcha, "alibaba", "#nocaptcha, .baxia-punish, #baxia-punish, script[src*='punish']"),
    (Verdict::Captcha, "yandex", "form[action*='checkcaptcha'], .CheckboxCaptcha"),
    (Verdict::Captcha, "ebay", "form[action*='splashui/captcha'], #captcha_form[action*=splashui]"),
    (Verdict::Captcha, "kasada", "script[src*='/149e9513-01fa-4fb0-aad4-566afd725d1b/']"),
    (
        Verdict::LoginWall,
        "amazon",
        "form[name=signIn] input[name=email], form[name=signIn] #ap_email, #authportal-main-section form[name=signIn], #auth-mfa-form, #auth-select-device-form, form#verification-code-form[action*='/ap/cvf']",
    ),
    (Verdict::LoginWall, "linkedin", "main.authwall-join-form, .authwall-join-form"),
];

/// Addresses and names in the source of small pages.
const SOURCES: &[(Verdict, &str, &str)] = &[
    (Verdict::Captcha, "aws-waf", "gokuProps"),
    (Verdict::Captcha, "aws-waf", "awswaf.com/"),
    (Verdict::Captcha, "aws-waf", "AwsWafIntegration"),
    (Verdict::Captcha, "cloudflare", "_cf_chl_opt"),
    (Verdict::Captcha, "cloudflare", "jschl_vc"),
    (Verdict::Captcha, "cloudflare", "jschl-answer"),
    (Verdict::Captcha, "perimeterx", "captcha.px-cdn.net"),
    (Verdict::Captcha, "perimeterx", "window._pxAppId"),
    (Verdict::Captcha, "datadome", "geo.captcha-delivery.com"),
    (Verdict::Captcha, "alibaba", "_____tmd_____"),
    (Verdict::Captcha, "vercel", "/.well-known/vercel/security"),
    (Verdict::Captcha, "siteground", "/.well-known/sgcaptcha"),
    (Verdict::Captcha, "ddos-guard", "/.well-known/ddos-guard"),
    (Verdict::Captcha, "fastly", "_fs-ch-"),
    (Verdict::Captcha, "amazon", "opfcaptcha.amazon"),
    (Verdict::Blocked, "incapsula", "_Incapsula_Resource"),
    (Verdict::Throttled, "amazon", "/errors/503/"),
    (Verdict::Throttled, "amazon", "ref=cs_503"),
    (Verdict::NotFound, "amazon", "ref=cs_404"),
];

/// The first marker that the page carries.
pub(super) fn find(document: &Document<'_>, html: &str, shape: &Shape) -> Option<Decision> {
    let named = |verdict, who: &str, what: &str| Some((verdict, format!("{who}: {what}")));
    // A wall may stand beside content (a banner, a pop-up): then the content counts.
    if shape.described && shape.length > SHORT {
        return None;
    }
    for (verdict, who, selector) in ELEMENTS {
        if let Some(id) = document.first(Document::ROOT, &Selector::fixed(selector)) {
            let label = format!(
                "{}{}{}",
                document.name(id),
                if document.id(id).is_empty() { "" } else { "#" },
                document.id(id)
            );
            // A long text around it is a page of its own.
            if shape.length <= 8_000 {
                return named(*verdict, who, &label);
            }
        }
    }
    if html.len() > MAX_SEARCHED || shape.length > SHORT || shape.described {
        return None;
    }
    let (verdict, who, what) = SOURCES.iter().find(|(_, _, what)| html.contains(what))?;
    named(*verdict, who, what)
}
