// The page: two views, chosen by the address's #.

import { byId, rememberFields } from "./document.js";
import { changeKey } from "./key.js";
import { startReading } from "./read.js";
import { startReview } from "./review.js";

const TITLES = { read: "Read", review: "Review" };

rememberFields();
startReading();
const openReview = startReview();

function show() {
  const name = location.hash === "#review" ? "review" : "read";
  for (const view of Object.keys(TITLES)) byId(view).hidden = view !== name;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${TITLES[name]} - Longhand`;
  if (name === "review") openReview();
}

addEventListener("hashchange", () => {
  show();
  scrollTo(0, 0); // a view is a page, and not a place on one
});
byId("change-key").addEventListener("click", changeKey);
show();
