//! A product page in the shape of Amazon's, for the extraction rules of that family.

use super::frame::{escape, frame, stars};
use crate::shop::catalog::Item;

/// The page; one that can't be had shows neither price nor button.
pub(in crate::shop) fn amazon(item: &Item) -> String {
    let (title, asin) = (escape(&item.title), item.asin());
    let offer = if item.in_stock {
        let was = item.was_text().map_or_else(String::new, |was| {
            format!(
                "<span class=\"a-size-small basisPrice\">List Price: <span class=\"a-price a-text-price\" data-a-strike=\"true\">\
                 <span class=\"a-offscreen\">{was}</span><span aria-hidden=\"true\" class=\"was\">{was}</span></span></span>"
            )
        });
        format!(
            "<div id=\"corePriceDisplay_desktop_feature_div\"><span class=\"a-price priceToPay\">\
             <span class=\"a-offscreen\" style=\"position:absolute;left:-999em\">{price}</span>\
             <span aria-hidden=\"true\" class=\"price\">{price}</span></span>{was}</div>\
             <div id=\"availability\"><span class=\"a-size-medium a-color-success stock\"> In Stock </span></div>\
             <form id=\"addToCart\"><input type=\"hidden\" name=\"ASIN\" id=\"ASIN\" value=\"{asin}\">\
             <button type=\"button\" id=\"add-to-cart-button\">Add to Cart</button></form>",
            price = item.price_text()
        )
    } else {
        "<div id=\"outOfStock\"><div id=\"availability\"><span class=\"a-color-price stock out\"> Currently unavailable. </span>\
         <br>We don't know when or if this item will be back in stock.</div></div>"
            .to_owned()
    };
    let body = format!(
        "<div id=\"dp\" class=\"goods\"><div id=\"imgTagWrapperId\"><img id=\"landingImage\" alt=\"{title}\" src=\"{picture}\" \
         data-old-hires=\"{picture}\"></div><div id=\"centerCol\"><h1 id=\"title\"><span id=\"productTitle\"> {title} </span></h1>\
         <div id=\"averageCustomerReviews\"><span id=\"acrPopover\" title=\"{rating:.1} out of 5 stars\">\
         <span class=\"a-icon-alt\">{rating:.1} out of 5 stars</span> <span class=\"stars\">{stars}</span></span>\
         <a id=\"acrCustomerReviewLink\" href=\"#reviews\"><span id=\"acrCustomerReviewText\">{reviews} ratings</span></a></div>\
         {offer}<p class=\"soft\">Sold by Larkspur Goods</p></div></div>\
         <div id=\"sims\"><h2>Customers also looked at</h2><span class=\"a-price\"><span class=\"a-offscreen\">$1.23</span></span></div>",
        picture = item.picture(),
        rating = item.rating(),
        stars = stars(item.rating_tenths),
        reviews = grouped(item.reviews),
    );
    let head = format!("<link rel=\"canonical\" href=\"/dp/{asin}\">");
    frame(&format!("Larkspur.example : {title}"), &head, &body)
}

fn grouped(n: u64) -> String {
    if n < 1_000 { n.to_string() } else { format!("{},{:03}", n / 1_000, n % 1_000) }
}
