//! What all pages share: head, banner, footer, style.

/// The style sheet, served once.
pub(in crate::shop) const CSS: &str = "
:root{--ink:#20242b;--soft:#667085;--line:#e6e2da;--paper:#faf8f4;--brand:#2f5d50;--sale:#b4432f}
*{box-sizing:border-box}body{margin:0;font:16px/1.5 system-ui,'DejaVu Sans',sans-serif;color:var(--ink);background:var(--paper)}
header{display:flex;gap:2rem;align-items:center;padding:1rem 2.5rem;background:#fff;border-bottom:1px solid var(--line)}
header b{font-size:1.35rem;letter-spacing:.02em;color:var(--brand)}header a{color:var(--soft);text-decoration:none}
header .cart{margin-left:auto}main{max-width:1080px;margin:0 auto;padding:2.5rem}
.goods{display:grid;grid-template-columns:minmax(260px,460px) 1fr;gap:3rem;align-items:start}
.goods img,.goods svg{width:100%;border-radius:14px;border:1px solid var(--line);background:#fff}
h1{font-size:1.9rem;line-height:1.2;margin:.2rem 0 .6rem}.stars{color:#c98a1b}.soft{color:var(--soft)}
.price{font-size:1.7rem;font-weight:700}.was{color:var(--soft);text-decoration:line-through;margin-left:.6rem;font-size:1.1rem}
.stock{display:inline-block;padding:.15rem .7rem;border-radius:99px;background:#e4f1ea;color:var(--brand)}
.stock.out{background:#fbe9e5;color:var(--sale)}
button{font:inherit;padding:.8rem 1.8rem;border:0;border-radius:10px;background:var(--brand);color:#fff;margin-top:1rem}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(220px,1fr));gap:1.4rem;padding:0;list-style:none}
.card{background:#fff;border:1px solid var(--line);border-radius:14px;padding:1rem}.card svg{width:100%;border-radius:10px}
.card a{color:inherit;text-decoration:none}.card h2{font-size:1rem;margin:.6rem 0}.card .price{font-size:1.1rem}
nav.pages{display:flex;gap:.6rem;justify-content:center;padding:1.5rem}nav.pages a,nav.pages b{padding:.4rem .9rem;border:1px solid var(--line);border-radius:8px;background:#fff;color:inherit;text-decoration:none}
footer{padding:2rem;text-align:center;color:var(--soft);border-top:1px solid var(--line)}
.plain{max-width:34rem;margin:4rem auto;text-align:center}input{font:inherit;padding:.6rem;border:1px solid var(--line);border-radius:8px}
";

/// A page of the shop around a body.
pub(super) fn frame(title: &str, head: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"icon\" href=\"data:,\"><link rel=\"stylesheet\" href=\"/shop.css\">{head}</head>\n<body>\
         <header><b>Larkspur Goods</b><a href=\"/list\">All goods</a><a href=\"/static/1\">About us</a>\
         <a class=\"cart\" href=\"/static/2\">Basket</a></header>\n<main>{body}</main>\n\
         <footer>Larkspur Goods · a shop that sells nothing · made for tests</footer></body></html>\n"
    )
}

/// A page without the shop's frame, as blocks are.
pub(super) fn bare(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <link rel=\"icon\" href=\"data:,\"><link rel=\"stylesheet\" href=\"/shop.css\"></head>\
         <body><div class=\"plain\">{body}</div></body></html>\n"
    )
}

/// Text as markup, also inside a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Five stars, filled by tenths.
pub(super) fn stars(tenths: u32) -> String {
    let full = usize::try_from((tenths + 5) / 10).unwrap_or(0).min(5);
    format!("{}{}", "★".repeat(full), "☆".repeat(5 - full))
}
