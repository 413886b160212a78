//! Where on a page an element stands, and how it is named in `sources`.

use crate::html::{Document, NodeId};

/// Whether the element stands in a menu, a side box, a cart or a row of other products.
pub(crate) fn in_side_part(document: &Document<'_>, id: NodeId) -> bool {
    const SIDE: &[&str] = &[
        "related",
        "recommend",
        "carousel",
        "similar",
        "upsell",
        "up-sell",
        "cross-sell",
        "crosssell",
        "crossell",
        "also-",
        "alsobought",
        "recently",
        "sponsor",
        "minicart",
        "mini-cart",
        "cart-popup",
        "cart-drawer",
        "cart-preview",
        "footer",
        "breadcrumb",
        "cookie",
        "newsletter",
        "megamenu",
        "mega-menu",
        "navbar",
        "product-list",
        "productlist",
        "products-grid",
        "product-grid",
        "product_list",
        "featured",
        "bestseller",
        "best-seller",
        "accessories",
        "bundle",
        "featuredproducts",
        "reviews-list",
        "review-list",
        "comment",
        "sims",
        "topbar",
        "miniature",
    ];
    std::iter::once(id).chain(document.ancestors(id)).any(|id| {
        match document.name(id) {
            "nav" | "footer" | "aside" => return true,
            "body" | "html" | "main" => return false,
            _ => {}
        }
        let class = document.class(id);
        let own = document.id(id);
        if class.is_empty() && own.is_empty() || class.len() > 400 {
            return false;
        }
        let names = format!("{class} {own}").to_ascii_lowercase();
        SIDE.iter().any(|word| names.contains(word))
    })
}

/// Whether the element belongs to the frame of all pages, or isn't shown.
pub(super) fn in_frame(document: &Document<'_>, id: NodeId) -> bool {
    document.ancestors(id).any(|id| matches!(document.name(id), "nav" | "footer" | "aside"))
        || document.is_unseen(id)
}

/// How an element is named in `sources`.
pub(crate) fn label_of(document: &Document<'_>, id: NodeId) -> String {
    let mut label = document.name(id).to_owned();
    if !document.id(id).is_empty() {
        label = format!("{label}#{}", document.id(id));
    } else if let Some(class) = document.class(id).split_ascii_whitespace().next() {
        label = format!("{label}.{class}");
    }
    label
}
