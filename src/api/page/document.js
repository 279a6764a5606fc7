// Small helpers for the document.

export const byId = (id) => document.getElementById(id);

/** Makes an element; children are elements or texts, never markup. */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** 0.934 -> "93 %"; what is not quite certain is not 100 %, what is not impossible not 0 %. */
export function percent(share) {
  if (share > 0 && share < 0.01) return "under 1 %";
  return `${share < 1 ? Math.min(99, Math.round(100 * share)) : 100} %`;
}

/**
 * What is drawn on a canvas, as a PNG file. At once, and not by `toBlob`: Chromium writes that while the page has nothing
 * to do, which at times (one of 170) took more than six seconds to come.
 */
export function pngOf(canvas, name) {
  const [, encoded] = canvas.toDataURL("image/png").split(",");
  return new File([Uint8Array.from(atob(encoded), (one) => one.charCodeAt(0))], name, { type: "image/png" });
}

/** Resolves after some milliseconds. */
export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Keeps what is typed into fields with data-remember in this browser; fields of one name show the same. */
export function rememberFields() {
  const fields = [...document.querySelectorAll("[data-remember]")];
  const place = (field) => `longhand.${field.dataset.remember}`;
  for (const field of fields) {
    field.value = localStorage.getItem(place(field)) ?? "";
    const details = field.closest("details");
    if (field.value && details) details.open = true; // a name that goes with each correction is to be seen
    field.addEventListener("input", () => {
      localStorage.setItem(place(field), field.value);
      for (const other of fields) if (place(other) === place(field)) other.value = field.value;
    });
  }
}

/** A name that is remembered, or "". */
export const remembered = (name) => (localStorage.getItem(`longhand.${name}`) ?? "").trim();
