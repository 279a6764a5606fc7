// The view that reads one image, and takes its correction.

import { Commands } from "./commands.js";
import { byId, percent, remembered } from "./document.js";
import { place, selectLetter, showAlternatives, showLetters } from "./reading.js";
import { correct, predict } from "./service.js";
import { Sheet } from "./sheet.js";

export function startReading() {
  const sheet = new Sheet(byId("sheet"), changed, read);
  const commands = new Commands();
  const field = byId("text");
  let file = null; // what was read
  let prediction = null;
  let choose = () => false;
  let underWay = new AbortController();

  function changed() {
    underWay.abort(); // what is being read is no longer on the sheet
    byId("send").disabled = byId("clear").disabled = sheet.empty;
    byId("undo").disabled = !sheet.undoable;
    byId("cut-hint").hidden = !sheet.hasImage;
    byId("result").hidden = true;
    say("read", "");
  }

  function say(where, status, problem = "") {
    byId(`${where}-status`).textContent = status;
    byId(`${where}-problem`).textContent = problem;
  }

  async function read() {
    underWay.abort();
    const { signal } = (underWay = new AbortController());
    byId("result").hidden = true;
    byId("send").disabled = false; // to try again
    say("read", "Reading…");
    byId("sheet").ariaBusy = "true";
    try {
      const sent = sheet.file();
      const answer = await predict(sent, signal);
      if (signal.aborted) return;
      [file, prediction] = [sent, answer];
      say("read", "");
      byId("send").disabled = true; // until there is something else to read
      show();
    } catch (problem) {
      if (!signal.aborted) say("read", "", problem.message);
    } finally {
      if (!signal.aborted) byId("sheet").ariaBusy = "false";
    }
  }

  function show() {
    const { text, confidence, needs_review: doubtful } = prediction;
    const title = byId("result-title");
    title.textContent = text
      ? `“${text}”, ${percent(confidence)} confident${doubtful ? ": please check" : ""}`
      : "Nothing was read here";
    showLetters(byId("letters"), prediction, {
      mark: (index) => sheet.mark(index === null ? null : place(prediction, index)),
      choose: (index) => selectLetter(field, prediction, index),
    });
    byId("legend").hidden = !text;
    byId("question").textContent = text ? "Is this what it says? If not, correct it." : "What does it say?";
    field.value = text;
    choose = showAlternatives(byId("alternatives"), prediction, field);
    say("save", "");
    byId("result").hidden = false;
    commands.show(file, prediction, text);
    title.focus({ preventScroll: true });
    byId("result").scrollIntoView({ block: "nearest" });
  }

  async function save() {
    const text = field.value.trim();
    const saved = prediction;
    say("save", "Saving…");
    try {
      const fields = { prediction_id: saved.id, text, author: remembered("author"), writer: remembered("writer") };
      await correct(fields, file);
      if (saved !== prediction) return;
      say("save", text === saved.text ? `Saved: “${text}” is right.` : `Saved: it says “${text}”.`);
      commands.show(file, prediction, text);
    } catch (problem) {
      if (saved === prediction) say("save", "", `Not saved. ${problem.message}`);
    }
  }

  function take([image]) {
    if (!image) return;
    sheet.showImage(image);
    read();
  }

  byId("send").addEventListener("click", read);
  byId("undo").addEventListener("click", () => sheet.undo());
  byId("clear").addEventListener("click", () => sheet.clear());
  for (const id of ["choose", "photo"]) {
    byId(id).addEventListener("change", (event) => {
      take(event.target.files);
      event.target.value = ""; // so that the same file can be chosen again
    });
  }
  field.addEventListener("input", () => say("save", ""));
  byId("correction").addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
  byId("result").addEventListener("keydown", (event) => {
    if (event.target.matches("input") || event.ctrlKey || event.altKey || event.metaKey) return;
    if (choose(Number(event.key))) event.preventDefault();
  });
  acceptFiles(take);
}

/** Takes images that are dropped or pasted anywhere while this view is shown. */
function acceptFiles(take) {
  const shown = () => !byId("read").hidden;
  document.addEventListener("paste", (event) => {
    if (shown() && event.clipboardData.files.length) take(event.clipboardData.files);
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault(); // else the browser leaves the page for a file that is dropped beside the sheet
    byId("sheet").classList.toggle("over", shown());
  });
  document.addEventListener("dragleave", () => byId("sheet").classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    byId("sheet").classList.remove("over");
    if (shown()) take(event.dataTransfer.files);
  });
}
