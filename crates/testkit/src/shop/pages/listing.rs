//! Lists of goods, page by page.

use super::frame::{escape, frame};
use super::picture::picture;
use crate::shop::catalog::{Catalog, LISTED};

/// Page `page` of all goods, counted from 1.
pub(in crate::shop) fn listing(catalog: &Catalog, page: u32) -> String {
    let cards: String = catalog
        .page(page)
        .iter()
        .map(|item| {
            format!(
                "<li class=\"card product-card\"><a href=\"/product/{n}\">{picture}<h2>{title}</h2></a>\
                 <span class=\"price\">{price}</span></li>\n",
                n = item.n,
                picture = picture(item),
                title = escape(&item.title),
                price = item.price_text()
            )
        })
        .collect();
    let mut head = String::new();
    let mut links = String::new();
    for number in 1..=catalog.pages() {
        if number == page {
            links.push_str(&format!("<b>{number}</b>"));
        } else {
            links.push_str(&format!("<a href=\"/list?page={number}\">{number}</a>"));
        }
    }
    if page < catalog.pages() {
        let next = page + 1;
        head = format!("<link rel=\"next\" href=\"/list?page={next}\">");
        links.push_str(&format!("<a rel=\"next\" href=\"/list?page={next}\">Next</a>"));
    }
    let body = format!(
        "<h1>All goods</h1><p class=\"soft\">{LISTED} products, page {page} of {}</p><ul class=\"grid\">{cards}</ul>\
         <nav class=\"pages\" aria-label=\"Pages\">{links}</nav>\
         <p class=\"soft\"><a href=\"/blocked\">For staff</a> · <a rel=\"nofollow\" href=\"/login\">Sign in</a></p>",
        catalog.pages()
    );
    frame(&format!("All goods, page {page} | Larkspur Goods"), &head, &body)
}
