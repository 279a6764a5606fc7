// The key for the service, asked for where the service demands one and kept until the tab is closed.

import { byId } from "./document.js";

const PLACE = "longhand.key";
let asking = null;

export const currentKey = () => sessionStorage.getItem(PLACE) ?? "";

/**
 * Asks for a key, since the service demands one.
 * @param {string} refused the key that was not enough, or ""; if another has been given since, nobody is asked
 * @returns {Promise<boolean>} whether there is another key to try
 */
export function askForKey(refused) {
  if (currentKey() !== refused) return Promise.resolve(true);
  const reason = refused ? "The service does not know this key, or it was revoked." : "This service asks for a key.";
  asking ??= show(reason).finally(() => (asking = null));
  return asking;
}

/** Lets a person give another key, or none. */
export const changeKey = () => show(currentKey() ? "A key is in use. An empty field forgets it." : "No key is in use.");

function show(reason) {
  const dialog = byId("key-dialog");
  const field = byId("key-field");
  byId("key-reason").textContent = reason;
  field.value = "";
  dialog.returnValue = "cancel"; // what Escape leaves
  dialog.showModal();
  field.focus();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        const given = dialog.returnValue === "use";
        const key = field.value.trim();
        field.value = "";
        if (given && key) sessionStorage.setItem(PLACE, key);
        if (given && !key) sessionStorage.removeItem(PLACE);
        resolve(given && key !== "");
      },
      { once: true },
    );
  });
}
