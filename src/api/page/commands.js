// What was just done, as commands for a shell.

import { byId } from "./document.js";
import { currentKey } from "./key.js";

const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
// In curl's form a name with a comma or a semicolon stands in quotes.
const safe = (name) => (/[,;"\\]/.test(name) ? `"${name.replaceAll(/(["\\])/g, "\\$1")}"` : name);
const address = (path) => quoted(new URL(path, document.baseURI).href);

export class Commands {
  constructor() {
    this.boxes = [...document.querySelectorAll(".command")];
    for (const box of this.boxes) {
      box.querySelector("button").addEventListener("click", () => this.#copy(box.querySelector("pre")));
    }
    this.show(null, null, "");
  }

  /**
   * @param {File|null} file what was read last
   * @param {object|null} prediction
   * @param {string} text what it says
   */
  show(file, prediction, text) {
    // The key itself is not shown: it would end in a shell's history.
    const curl = currentKey() ? 'curl -H "X-API-Key: $LONGHAND_KEY"' : "curl";
    const name = file?.name || "word.png";
    const id = prediction?.id ?? "ID_OF_THE_READING";
    const correction = quoted(`text=${text || "what it says"}`);
    const lines = [
      `${curl} -F ${quoted(`file=@${safe(name)}`)} ${address("predict/")}`,
      `${curl} -F files=@first.png -F files=@second.png ${address("predict/batch")}`,
      `${curl} -F prediction_id=${id} --form-string ${correction} ${address("corrections")}`,
    ];
    this.boxes.forEach((box, index) => (box.querySelector("pre").textContent = lines[index]));
    const link = byId("download");
    if (link.href) URL.revokeObjectURL(link.href);
    link.hidden = !file;
    if (file) Object.assign(link, { href: URL.createObjectURL(file), download: name });
    else link.removeAttribute("href");
  }

  async #copy(pre) {
    try {
      await navigator.clipboard.writeText(pre.textContent);
      byId("copied").textContent = "Copied.";
    } catch {
      // Browsers allow it on https and on this machine only; then the text is selected, to be copied by hand.
      getSelection().selectAllChildren(pre);
      byId("copied").textContent = "Selected: copy it with the keyboard.";
    }
  }
}
