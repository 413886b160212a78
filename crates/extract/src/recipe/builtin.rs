//! The recipes that come with Ukai.

/// File name and text, in the order in which they are tried: sites before shop systems.
pub(super) const FILES: &[(&str, &str)] = &[
    ("amazon.toml", include_str!("../../../../recipes/amazon.toml")),
    ("ebay.toml", include_str!("../../../../recipes/ebay.toml")),
    ("etsy.toml", include_str!("../../../../recipes/etsy.toml")),
    ("walmart.toml", include_str!("../../../../recipes/walmart.toml")),
    ("aliexpress.toml", include_str!("../../../../recipes/aliexpress.toml")),
    ("zalando.toml", include_str!("../../../../recipes/zalando.toml")),
    ("ikea.toml", include_str!("../../../../recipes/ikea.toml")),
    ("mediamarkt.toml", include_str!("../../../../recipes/mediamarkt.toml")),
    ("booth.toml", include_str!("../../../../recipes/booth.toml")),
    ("twitter.toml", include_str!("../../../../recipes/twitter.toml")),
    ("youtube.toml", include_str!("../../../../recipes/youtube.toml")),
    ("reddit.toml", include_str!("../../../../recipes/reddit.toml")),
    ("woocommerce.toml", include_str!("../../../../recipes/woocommerce.toml")),
    ("prestashop.toml", include_str!("../../../../recipes/prestashop.toml")),
    ("magento.toml", include_str!("../../../../recipes/magento.toml")),
    ("opencart.toml", include_str!("../../../../recipes/opencart.toml")),
    ("virtuemart.toml", include_str!("../../../../recipes/virtuemart.toml")),
    ("shopify.toml", include_str!("../../../../recipes/shopify.toml")),
];
