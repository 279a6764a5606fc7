// What was read: letters with their confidence and place, and the texts to choose from.

import { element, percent } from "./document.js";

const level = (confidence) => (confidence < 0.6 ? "doubtful" : confidence < 0.9 ? "unsure" : "sure");
const nameOf = (text) => (text === " " ? "space" : text);

/**
 * Where a letter stands, from 0 to 1 of the image's width. A network marks a letter by a few columns of its middle: the
 * gap to a neighbour is shared between both.
 */
export function place({ characters, image }, index) {
  const { start, end } = characters[index];
  const before = characters[index - 1];
  const after = characters[index + 1];
  const left = before ? (start - before.end) / 2 : null;
  const right = after ? (after.start - end) / 2 : null;
  const width = image.width;
  const from = (start - Math.max(0, left ?? right ?? 0)) / width;
  const to = (end + Math.max(0, right ?? left ?? 0)) / width;
  return [Math.max(0, from), Math.min(1, to)];
}

/**
 * Shows the letters as buttons; the arrow keys go from one to the next.
 * @param {HTMLElement} list
 * @param {object} prediction
 * @param {{mark: (index: number|null) => void, choose: (index: number) => void}} on
 */
export function showLetters(list, prediction, on) {
  const buttons = prediction.characters.map(({ text, confidence }, index) => {
    const button = element("button", { type: "button", title: percent(confidence), tabIndex: index ? -1 : 0 });
    button.className = `letter ${level(confidence)}`;
    button.textContent = text === " " ? "␣" : text;
    button.setAttribute("aria-label", `${nameOf(text)}, ${percent(confidence)}`);
    button.style.setProperty("--doubt", String(1 - confidence));
    button.addEventListener("pointerenter", () => on.mark(index));
    button.addEventListener("pointerleave", () => on.mark(null));
    button.addEventListener("focus", () => on.mark(index));
    button.addEventListener("blur", () => on.mark(null));
    button.addEventListener("click", () => on.choose(index));
    return button;
  });
  // A word is an item, with the space after it: lines break between words.
  const words = [[]];
  buttons.forEach((button, index) => {
    words.at(-1).push(button);
    if (prediction.characters[index].text === " ") words.push([]);
  });
  list.replaceChildren(...words.filter((word) => word.length).map((word) => element("li", {}, ...word)));
  list.onkeydown = (event) => {
    const from = buttons.indexOf(document.activeElement);
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (from < 0 || !buttons[to]) return;
    event.preventDefault();
    buttons[from].tabIndex = -1;
    buttons[to].tabIndex = 0;
    buttons[to].focus();
  };
}

/** Selects the letter of a reading in a field that holds the reading's text. */
export function selectLetter(field, { text, characters }, index) {
  field.focus();
  if (field.value !== text) return;
  const start = characters.slice(0, index).reduce((sum, character) => sum + character.text.length, 0);
  field.setSelectionRange(start, start + characters[index].text.length);
}

/** The texts to choose from, what was read first; without those that are as good as impossible beside it. */
const choices = ({ text, confidence, alternatives }) =>
  [{ text, confidence }, ...alternatives].filter((one) => one.text && one.confidence >= confidence / 100);

/**
 * Shows the texts to choose from; they go into the field. In the field, the arrow keys go through them.
 * @returns {(number: number) => boolean} chooses by number, from 1; tells whether there is one
 */
export function showAlternatives(list, prediction, field) {
  const found = choices(prediction);
  const buttons = found.map(({ text, confidence }, index) => {
    const share = element("small", {}, percent(confidence));
    const button = element("button", { type: "button" }, element("kbd", {}, String(index + 1)), ` ${text} `, share);
    button.addEventListener("click", () => set(index));
    return button;
  });
  const show = () =>
    buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(found[index].text === field.value)));
  const set = (index) => {
    if (!found[index]) return false;
    field.value = found[index].text;
    field.dispatchEvent(new Event("input"));
    return true;
  };
  list.replaceChildren(...buttons.map((button) => element("li", {}, button)));
  field.oninput = show;
  field.onkeydown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey || !found.length) return;
    event.preventDefault();
    const at = found.findIndex((choice) => choice.text === field.value);
    set(at < 0 ? 0 : (at + step + found.length) % found.length);
  };
  show();
  return (number) => set(number - 1);
}
