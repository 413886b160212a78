//! Product pictures, drawn: one shape a thing, coloured by the item.

use crate::shop::catalog::Item;

/// The picture as a self-contained SVG document.
pub(in crate::shop) fn picture(item: &Item) -> String {
    let (hue, n) = (item.hue, item.n);
    let back = (hue + 40) % 360;
    let shape = SHAPES.get(item.thing).copied().unwrap_or(SHAPES[0]);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 400 400\" role=\"img\"><defs>\
         <linearGradient id=\"b{n}\" x2=\"0\" y2=\"1\"><stop stop-color=\"hsl({back},40%,95%)\"/><stop offset=\"1\" stop-color=\"hsl({back},32%,84%)\"/></linearGradient>\
         <linearGradient id=\"f{n}\" x2=\"1\"><stop stop-color=\"hsl({hue},45%,58%)\"/><stop offset=\".45\" stop-color=\"hsl({hue},48%,46%)\"/><stop offset=\"1\" stop-color=\"hsl({hue},50%,32%)\"/></linearGradient></defs>\
         <rect width=\"400\" height=\"400\" fill=\"url(#b{n})\"/><ellipse cx=\"200\" cy=\"330\" rx=\"125\" ry=\"16\" fill=\"#000\" opacity=\".13\"/>\
         <g fill=\"url(#f{n})\" stroke=\"hsl({hue},50%,24%)\" stroke-width=\"0\">{shape}</g></svg>"
    )
}

/// In the order of the catalog's things.
const SHAPES: [&str; 8] = [
    // kettle
    "<path d=\"M130 150h120l26 172q2 10-8 10H112q-10 0-8-10z\"/><path d=\"M262 190q70-46 92-78l-14-10q-40 44-84 56z\"/>\
     <path d=\"M124 170q-78 6-64 96 8 40 44 44l2-20q-24-4-28-34-6-58 48-66z\"/><rect x=\"138\" y=\"128\" width=\"104\" height=\"16\" rx=\"8\"/><circle cx=\"190\" cy=\"116\" r=\"14\"/>",
    // lamp
    "<path d=\"M120 90h120l44 100H76z\"/><rect x=\"172\" y=\"190\" width=\"16\" height=\"122\"/><rect x=\"118\" y=\"308\" width=\"124\" height=\"22\" rx=\"11\"/>\
     <path d=\"M84 196h192l40 120H44z\" fill=\"#fff3c4\" opacity=\".45\"/>",
    // clock
    "<circle cx=\"200\" cy=\"200\" r=\"126\"/><circle cx=\"200\" cy=\"200\" r=\"104\" fill=\"#fff\"/><rect x=\"195\" y=\"120\" width=\"10\" height=\"86\" rx=\"5\"/>\
     <rect x=\"196\" y=\"194\" width=\"64\" height=\"8\" rx=\"4\" transform=\"rotate(28 200 200)\"/><circle cx=\"200\" cy=\"200\" r=\"11\"/>",
    // plant pot
    "<path d=\"M196 210q-90-20-96-116 80 16 98 104 6-100 92-128 10 110-84 140z\" fill=\"#5d8a52\"/><path d=\"M112 212h176l-8 30H120z\"/><path d=\"M124 246h152l-18 84H142z\"/>",
    // speaker
    "<rect x=\"112\" y=\"76\" width=\"176\" height=\"256\" rx=\"26\"/><circle cx=\"200\" cy=\"240\" r=\"60\" fill=\"#1d1f24\"/><circle cx=\"200\" cy=\"240\" r=\"24\" fill=\"#50545d\"/><circle cx=\"200\" cy=\"132\" r=\"30\" fill=\"#1d1f24\"/>",
    // bottle
    "<rect x=\"172\" y=\"64\" width=\"56\" height=\"34\" rx=\"9\" fill=\"#3a3d44\"/><path d=\"M176 100h48v26q34 18 34 56v126q0 24-24 24h-68q-24 0-24-24V182q0-38 34-56z\"/><rect x=\"142\" y=\"212\" width=\"116\" height=\"56\" fill=\"#fff\" opacity=\".32\"/>",
    // lantern
    "<path d=\"M150 118q50-92 100 0l-12 6q-38-70-76 0z\"/><rect x=\"132\" y=\"122\" width=\"136\" height=\"24\" rx=\"8\"/><rect x=\"146\" y=\"150\" width=\"108\" height=\"146\" fill=\"#fff6d8\"/>\
     <path d=\"M200 196q32 44 0 78-32-34 0-78z\" fill=\"#e79a2b\"/><path d=\"M138 150h12v150h-12zM250 150h12v150h-12z\"/><rect x=\"124\" y=\"298\" width=\"152\" height=\"32\" rx=\"8\"/>",
    // bowl
    "<path d=\"M72 200h256q-6 118-100 128h-56Q78 318 72 200z\"/><ellipse cx=\"200\" cy=\"200\" rx=\"128\" ry=\"28\" fill=\"#fff\" opacity=\".5\"/><circle cx=\"160\" cy=\"186\" r=\"30\" fill=\"#c7462f\"/><circle cx=\"222\" cy=\"180\" r=\"34\" fill=\"#d98b2b\"/><path d=\"M72 200h256q-1 24-8 46H80q-7-22-8-46z\"/>",
];
