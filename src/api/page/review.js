// The view for checking many readings by keyboard: decide, and the next is there at once.

import { byId, element, percent, remembered } from "./document.js";
import { Outbox } from "./outbox.js";
import { showAlternatives } from "./reading.js";
import { imageOf, queue } from "./service.js";
import { Picture } from "./sheet.js";

const AT_ONCE = 20; // readings that are asked for together
const AHEAD = 4; // images that are fetched before they are needed
const MOST = 100; // readings that the service gives in one answer
const BACK = 10; // readings that a person can go back to

export function startReview() {
  const field = byId("review-text");
  const stage = byId("check").querySelector(".stage");
  const picture = new Picture(stage);
  const outbox = new Outbox(showOutbox);
  const images = new Map(); // id -> promise of its image
  const typed = new Map(); // id -> what was typed for it
  const decided = new Set(); // ids; the service may not have heard of them yet
  const skipped = new Set(); // ids
  let items = []; // what comes, the current one first
  let past = []; // what was before, the latest last
  let remaining = 0;
  let keeping = true; // whether the service keeps readings, so that more may come
  let loading = null;
  let shown = null; // the item in the form
  let seen = false; // whether its image is there: nobody decides on what they cannot see

  /** Asks for more readings, once at a time. */
  const load = () => (loading ??= fetchMore().finally(() => (loading = null)));

  async function fetchMore() {
    // What was skipped or is being saved comes first again: more must be asked for, to see what follows.
    const before = skipped.size + outbox.waiting.length;
    const answer = await queue(Math.min(MOST, AT_ONCE + before));
    const known = new Set([...decided, ...skipped, ...items.map(({ id }) => id)]);
    items.push(...answer.items.filter(({ id }) => !known.has(id)));
    remaining = Math.max(items.length, answer.remaining - before);
    keeping = answer.keeping;
    count();
  }

  function prefetch() {
    const ahead = items.slice(0, AHEAD);
    for (const { id } of ahead) {
      if (images.has(id)) continue;
      const image = imageOf(id);
      image.catch(() => images.delete(id)); // asked for again when it is to be shown
      images.set(id, image);
    }
    const needed = new Set([...ahead, ...past].map(({ id }) => id));
    for (const id of images.keys()) if (!needed.has(id)) images.delete(id);
  }

  async function next() {
    byId("review-problem").textContent = "";
    shown = null;
    try {
      if (!items.length) await load();
    } catch (problem) {
      showNothing(problem);
      return;
    }
    if (!items.length) {
      showNothing();
      return;
    }
    prefetch();
    show(items[0]);
    if (items.length < AT_ONCE / 2 && items.length < remaining) {
      load().then(prefetch, () => {}); // what fails now is asked for again when all are done
    }
  }

  async function show(item) {
    shown = item;
    seen = false;
    stage.hidden = true;
    byId("nothing").hidden = true;
    byId("check").hidden = false;
    field.value = typed.get(item.id) ?? item.text;
    showAlternatives(byId("review-alternatives"), item, field);
    const doubts = item.characters.filter(({ confidence }) => confidence < 0.6).map(({ text }) => text);
    byId("doubt").textContent =
      `Read with ${percent(item.confidence)} confidence.` + (doubts.length ? ` In doubt: ${doubts.join(" ")}` : "");
    byId("back").disabled = !past.length;
    count();
    field.focus();
    try {
      const image = await (images.get(item.id) ?? imageOf(item.id));
      if (shown !== item) return;
      await picture.show(image);
      if (shown !== item) return;
      stage.hidden = false;
      seen = true;
    } catch (problem) {
      if (shown !== item) return;
      if (problem.status === 404) leave(decided); // another person was faster, or its time was over
      else byId("review-problem").textContent = `The image is not there; skip it for now. ${problem.message}`;
    }
  }

  function showNothing(problem) {
    byId("check").hidden = true;
    byId("nothing").hidden = false;
    const empty = keeping ? "Nothing waits for review." : "Nothing waits, and nothing will: the review is turned off.";
    byId("nothing-text").textContent = problem?.message ?? (skipped.size ? "Nothing else waits." : empty);
    byId("nothing-hint").hidden = Boolean(problem || keeping);
    byId("again").textContent = skipped.size ? `Show the ${skipped.size} skipped` : "Look again";
    byId("again").focus();
    count();
  }

  function count() {
    const words = [shown && `${remaining} to check`, skipped.size && `${skipped.size} skipped`];
    byId("remaining").textContent = words.filter(Boolean).join(", ");
  }

  /** Goes on to the next; the one that was shown is now decided or skipped. */
  function leave(where) {
    if (!shown) return;
    const item = items.shift();
    where.add(item.id);
    typed.set(item.id, field.value);
    remaining = Math.max(0, remaining - 1);
    past = [...past, item].slice(-BACK);
    next();
  }

  /** Decides: the image says this text, or "" if there is nothing to read. */
  function decide(text) {
    if (!shown || !seen) return;
    outbox.add({ id: shown.id, text, author: remembered("author") }, images.get(shown.id));
    leave(decided);
  }

  /** Shows an item again, before the current one. */
  function reopen(item) {
    if (shown) typed.set(shown.id, field.value);
    decided.delete(item.id);
    skipped.delete(item.id);
    past = past.filter(({ id }) => id !== item.id);
    items = [item, ...items.filter(({ id }) => id !== item.id)];
    remaining += 1;
    next();
  }

  function showOutbox() {
    const { waiting, refused, trouble } = outbox;
    const words = waiting.length === 1 ? "1 answer is" : `${waiting.length} answers are`;
    let status = decided.size && !refused.length ? "All saved." : "";
    if (waiting.length) status = trouble ? `${words} not saved yet, and kept in this browser. ${trouble}` : "Saving…";
    byId("outbox-status").textContent = status;
    byId("send-now").hidden = !trouble && !refused.length;
    byId("failed").replaceChildren(...refused.map(refusal));
  }

  function refusal([{ id, text }, problem]) {
    const mend = element("button", { type: "button" }, "Open again");
    const drop = element("button", { type: "button" }, "Give up");
    mend.addEventListener("click", () => {
      // After the page was loaded anew, only the answer is known of it.
      const unknown = { id, text, confidence: 0, alternatives: [], characters: [] };
      outbox.drop(id);
      typed.set(id, text);
      reopen(past.find((item) => item.id === id) ?? unknown);
    });
    drop.addEventListener("click", () => outbox.drop(id));
    const short = text.length > 60 ? `${text.slice(0, 60)}…` : text || "nothing to read";
    return element("li", {}, `Not saved: “${short}”. ${problem.message} `, mend, " ", drop);
  }

  byId("check").addEventListener("submit", (event) => {
    event.preventDefault();
    decide(field.value.trim());
  });
  byId("check").addEventListener("keydown", (event) => {
    if (event.isComposing) return; // Enter and Escape belong to an input method
    if (event.key === "Enter" && event.repeat) event.preventDefault(); // a key held down decides once
    else if (event.key === "Enter" && event.shiftKey) byId("back").click();
    else if (event.key === "Escape") leave(skipped);
    else if (event.code === "KeyN" && event.altKey && !event.ctrlKey) decide("");
    else return;
    event.preventDefault();
  });
  byId("skip").addEventListener("click", () => leave(skipped));
  byId("dismiss").addEventListener("click", () => decide(""));
  byId("back").addEventListener("click", () => past.length && reopen(past.at(-1)));
  byId("review-alternatives").addEventListener("click", () => field.focus());
  byId("send-now").addEventListener("click", () => outbox.retry());
  byId("again").addEventListener("click", () => {
    skipped.clear();
    next();
  });
  addEventListener("beforeunload", (event) => {
    if (shown && field.value !== (typed.get(shown.id) ?? shown.text)) event.preventDefault();
  });

  return () => {
    outbox.start();
    if (shown) field.focus();
    else next();
  };
}
