//! What obstacles say, in the languages in which they are met. Counts only where a page says little else.

use super::{Decision, SHORT, Shape};
use crate::extraction::Verdict;

/// Words that shops and articles use as well count only on pages that hold next to nothing else.
const SHORTER: usize = 1_000;
/// The shorter, the commoner the words.
const SHORTEST: usize = 500;

/// In title or headings, with the most text that the page may have.
const TITLES: &[(Verdict, &str, usize)] = &[
    (Verdict::Captcha, "just a moment", SHORT),
    (Verdict::Captcha, "attention required! | cloudflare", SHORT),
    (Verdict::Captcha, "attention required", SHORTER),
    (Verdict::Captcha, "robot check", SHORT),
    (Verdict::Captcha, "are you a robot", SHORT),
    (Verdict::Captcha, "robot or human", SHORT),
    (Verdict::Captcha, "are you human", SHORT),
    (Verdict::Captcha, "human verification", SHORT),
    (Verdict::Captcha, "verify you are human", SHORT),
    (Verdict::Captcha, "verifying you are human", SHORT),
    (Verdict::Captcha, "security checkpoint", SHORTER),
    (Verdict::Captcha, "security check", SHORTEST),
    (Verdict::Captcha, "checking your browser", SHORT),
    (Verdict::Captcha, "bot verification", SHORT),
    (Verdict::Captcha, "client challenge", SHORTER),
    (Verdict::Captcha, "pardon our interruption", SHORT),
    (Verdict::Captcha, "making sure you're not a bot", SHORT),
    (Verdict::Captcha, "site verification", SHORTER),
    (Verdict::Captcha, "captcha", SHORTEST),
    (Verdict::Captcha, "ddos-guard", SHORTER),
    (Verdict::Throttled, "too many requests", SHORT),
    (Verdict::Throttled, "rate limit exceeded", SHORTER),
    (Verdict::Throttled, "error 1015", SHORT),
    (Verdict::Throttled, "service unavailable", SHORTER),
    (Verdict::Throttled, "service temporarily unavailable", SHORT),
    (Verdict::Throttled, "website temporarily unavailable", SHORT),
    (Verdict::Throttled, "temporarily unavailable", SHORTEST),
    (Verdict::Throttled, "bad gateway", SHORT),
    (Verdict::Throttled, "gateway time", SHORT),
    (Verdict::Throttled, "internal server error", SHORTER),
    (Verdict::Throttled, "server is too busy", SHORTER),
    (Verdict::Throttled, "http status 503", SHORTER),
    (Verdict::Blocked, "access denied", SHORT),
    (Verdict::Blocked, "access to this page has been denied", SHORT),
    (Verdict::Blocked, "403 forbidden", SHORT),
    (Verdict::Blocked, "403 - forbidden", SHORT),
    (Verdict::Blocked, "forbidden", SHORTEST),
    (Verdict::Blocked, "request rejected", SHORTER),
    (Verdict::Blocked, "request blocked", SHORTER),
    (Verdict::Throttled, "502 error", SHORTER),
    (Verdict::Throttled, "503 error", SHORTER),
    (Verdict::Throttled, "504 error", SHORTER),
    (Verdict::Blocked, "the request could not be satisfied", SHORTER),
    (Verdict::Blocked, "you have been blocked", SHORT),
    (Verdict::Blocked, "error 1020", SHORT),
    (Verdict::Blocked, "http status 403", SHORTER),
    (Verdict::Blocked, "not acceptable", SHORTEST),
    (Verdict::Blocked, "unsupported browser", SHORTEST),
    (Verdict::Blocked, "zugriff verweigert", SHORTER),
    (Verdict::Blocked, "accès refusé", SHORTER),
    (Verdict::Blocked, "acceso denegado", SHORTER),
    (Verdict::Blocked, "доступ ограничен", SHORTER),
    (Verdict::LoginWall, "401 unauthorized", SHORTER),
    (Verdict::LoginWall, "401 authorization required", SHORTER),
    (Verdict::LoginWall, "error 401", SHORTEST),
];

/// Anywhere in the text, with the most text that the page may have.
const TEXTS: &[(Verdict, &str, usize)] = &[
    (Verdict::Captcha, "enter the characters you see", SHORT),
    (Verdict::Captcha, "type the characters you see", SHORT),
    (Verdict::Captcha, "geben sie die zeichen unten ein", SHORT),
    (Verdict::Captcha, "geben sie die angezeigten zeichen", SHORT),
    (Verdict::Captcha, "saisissez les caractères", SHORT),
    (Verdict::Captcha, "introduce los caracteres", SHORT),
    (Verdict::Captcha, "inserisci i caratteri", SHORT),
    (Verdict::Captcha, "click the button below to continue shopping", SHORT),
    (Verdict::Captcha, "press & hold", SHORTER),
    (Verdict::Captcha, "press and hold", SHORTEST),
    (Verdict::Captcha, "unusual traffic", SHORT),
    (Verdict::Captcha, "ungewöhnlichen datenverkehr", SHORT),
    (Verdict::Captcha, "trafic inhabituel", SHORT),
    (Verdict::Captcha, "tráfico inusual", SHORT),
    (Verdict::Captcha, "you are not a robot", SHORTER),
    (Verdict::Captcha, "you're not a robot", SHORTER),
    (Verdict::Captcha, "not a robot", SHORTEST),
    (Verdict::Captcha, "verify you are a human", SHORTER),
    (Verdict::Captcha, "verify that you are human", SHORTER),
    (Verdict::Captcha, "verify you are human", SHORTER),
    (Verdict::Captcha, "verify that you are not a bot", SHORTER),
    (Verdict::Captcha, "prove you are human", SHORTER),
    (Verdict::Captcha, "confirm you are human", SHORTER),
    (Verdict::Captcha, "checking your browser before", SHORT),
    (Verdict::Captcha, "checking if the site connection is secure", SHORT),
    (Verdict::Captcha, "needs to review the security of your connection", SHORT),
    (Verdict::Captcha, "is using a security service for protection", SHORTER),
    (Verdict::Captcha, "complete the security check", SHORTER),
    (Verdict::Captcha, "complete the captcha", SHORTER),
    (Verdict::Captcha, "solve the captcha", SHORTER),
    (Verdict::Captcha, "slide to verify", SHORTER),
    (Verdict::Captcha, "подтвердите, что вы не робот", SHORTER),
    (Verdict::Captcha, "请完成验证", SHORTER),
    (Verdict::Throttled, "sending large amounts of web requests", SHORT),
    (Verdict::Throttled, "too many requests", SHORTER),
    (Verdict::Throttled, "you are being rate limited", SHORTER),
    (Verdict::Throttled, "rate limit exceeded", SHORTEST),
    (Verdict::Throttled, "something went wrong on our end", SHORTER),
    (Verdict::Throttled, "temporarily unable to service your request", SHORTER),
    (Verdict::Throttled, "the server is busy", SHORTEST),
    (Verdict::Throttled, "no server is available to handle this request", SHORTER),
    (Verdict::Throttled, "please try again in a few", SHORTEST),
    (Verdict::Blocked, "you don't have permission to access", SHORTER),
    (Verdict::Blocked, "you do not have permission to access", SHORTER),
    (Verdict::Blocked, "you have been blocked", SHORTER),
    (Verdict::Blocked, "has banned you", SHORTER),
    (Verdict::Blocked, "has banned your ip", SHORTER),
    (Verdict::Blocked, "access denied", SHORTEST),
    (Verdict::Blocked, "accessdenied", SHORTEST),
    (Verdict::Blocked, "access to this site has been limited", SHORTER),
    (Verdict::Blocked, "the requested url was rejected", SHORTER),
    (Verdict::Blocked, "blocked by network security", SHORTER),
    (Verdict::Blocked, "your ip address has been blocked", SHORTER),
    (Verdict::Blocked, "is unavailable on this browser", SHORTER),
    (Verdict::Blocked, "this request was blocked", SHORTER),
    (Verdict::Blocked, "request unsuccessful. incapsula", SHORTER),
    (Verdict::Blocked, "not available in your country", SHORTEST),
    (Verdict::Blocked, "not available in your region", SHORTEST),
];

/// In title or headings above a log-in form.
pub(super) const LOG_IN: &[&str] = &[
    "sign in",
    "sign-in",
    "signin",
    "log in",
    "login",
    "log on",
    "anmelden",
    "einloggen",
    "se connecter",
    "connexion",
    "identifiez-vous",
    "iniciar sesión",
    "inicia sesión",
    "identifícate",
    "accedi",
    "entrar",
    "inloggen",
    "logga in",
    "zaloguj",
    "войти",
    "вход",
    "ログイン",
    "サインイン",
    "登录",
    "登入",
    "로그인",
    "giriş yap",
    "welcome back",
];

/// Anywhere in the text of a short page.
pub(super) const MUST_LOG_IN: &[&str] = &[
    "you must log in",
    "you must be logged in",
    "you must be signed in",
    "you must sign in",
    "please log in to",
    "please sign in to",
    "log in to continue",
    "sign in to continue",
    "login required",
    "log in first",
    "bitte melden sie sich an",
    "veuillez vous connecter",
    "debes iniciar sesión",
    "join linkedin to",
];

/// In the title of a page of any length.
pub(super) const NOT_FOUND_TITLE: &[&str] = &[
    "404 not found",
    "page not found",
    "the resource cannot be found",
    "error 404",
    "404 error",
    "not found (404)",
    "page cannot be found",
    "page can't be found",
    "seite nicht gefunden",
    "page non trouvée",
    "page introuvable",
    "página no encontrada",
    "pagina non trovata",
    "página não encontrada",
    "pagina niet gevonden",
    "nie znaleziono strony",
    "sidan hittades inte",
    "страница не найдена",
    "ページが見つかりません",
    "页面不存在",
];

/// In headings or in the text of a short page.
pub(super) const NOT_FOUND: &[&str] = &[
    "page not found",
    "404 not found",
    "page could not be found",
    "page cannot be found",
    "http status 404",
    "couldn't find that page",
    "could not find that page",
    "can't find that page",
    "that page doesn't exist",
    "page doesn't exist",
    "page does not exist",
    "this page isn't available",
    "page isn't available",
    "page is not available",
    "no longer exists",
    "we can't find the page",
    "we couldn't find the page",
    "the page you requested",
    "page you are looking for",
    "page you were looking for",
    "looking for is not a functioning page",
    "that page can't be found",
    "that page can’t be found",
    "page can’t be found",
    "nothing was found at this location",
    "error 404",
    "404 error",
    "seite nicht gefunden",
    "seite wurde nicht gefunden",
    "seite existiert nicht",
    "page introuvable",
    "page non trouvée",
    "cette page n'existe pas",
    "página no encontrada",
    "no se ha encontrado la página",
    "no hemos podido encontrar",
    "pagina non trovata",
    "página não encontrada",
    "pagina niet gevonden",
    "nie znaleziono strony",
    "sidan kunde inte hittas",
    "страница не найдена",
    "ページが見つかりません",
    "お探しのページ",
    "页面不存在",
    "找不到页面",
    "找不到頁面",
    "페이지를 찾을 수",
];

/// The first phrase that a short page says.
pub(super) fn find(shape: &Shape) -> Option<Decision> {
    if shape.length > SHORT {
        return None;
    }
    let title = TITLES.iter().find(|(_, words, most)| {
        let alone = shape.length <= SHORTEST && shape.lower.contains(words);
        shape.length <= *most && (shape.heading.contains(words) || alone)
    });
    if let Some((verdict, words, _)) = title {
        return Some((*verdict, format!("heading `{words}`")));
    }
    let by_number = [
        ("429", Verdict::Throttled),
        ("503", Verdict::Throttled),
        ("502", Verdict::Throttled),
        ("403", Verdict::Blocked),
    ];
    let number = by_number
        .iter()
        .find(|(number, _)| shape.length <= SHORTEST && shape.heading.trim_start().starts_with(number));
    if let Some((number, verdict)) = number {
        return Some((*verdict, format!("heading {number}")));
    }
    let (verdict, words, _) =
        TEXTS.iter().find(|(_, words, most)| shape.length <= *most && shape.lower.contains(words))?;
    Some((*verdict, format!("`{words}`")))
}
