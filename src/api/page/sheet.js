// The sheet: a person writes on it, or it shows an image; a letter's place can be marked.

import { offerCut } from "./cut.js";
import { element, pngOf } from "./document.js";

const PEN = 3.5; // pixels of the screen, whatever the pressure
const MARGIN = 24; // paper that is sent above and below the writing
const SCALE = 2; // pixels sent for one of the screen

/** A frame over a part of an element's width. */
class Mark {
  constructor(root) {
    this.frame = element("div", { className: "mark", hidden: true });
    root.append(this.frame);
  }

  /** Marks from one share of the width to another; null: nothing. */
  show(range) {
    this.frame.hidden = !range;
    if (!range) return;
    this.frame.style.left = `${100 * range[0]}%`;
    this.frame.style.width = `${100 * (range[1] - range[0])}%`;
  }
}

/** An image as large as is good to read, or the word that this browser cannot show it. */
export class Picture {
  #image;
  #unseen;

  constructor(root) {
    this.#image = root.querySelector("img");
    this.#unseen = root.querySelector(".unseen");
  }

  async show(blob) {
    const image = this.#image;
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(blob);
    const { src } = image;
    const seen = await image.decode().then(() => true, () => false);
    if (image.src !== src) return; // another one has come since
    image.hidden = !seen;
    this.#unseen.hidden = seen;
    // A small word is enlarged, a page is large enough to find a word on it.
    const { naturalWidth: width, naturalHeight: height } = image;
    const scale = Math.min(4, Math.max(224 / height, Math.min(1, (0.6 * innerHeight) / height)));
    image.style.width = `${Math.round(width * scale)}px`;
  }
}

export class Sheet {
  #strokes = [];
  #pointer = null; // of the stroke that is being written: a palm beside the pen writes nothing
  #file = null;
  #whole = null; // the image that #file is a part of

  /**
   * @param {HTMLElement} root
   * @param {() => void} changed called when there is something else on the sheet
   * @param {() => void} cut called when a part of the image has been cut out
   */
  constructor(root, changed, cut) {
    this.changed = changed;
    this.canvas = root.querySelector("canvas");
    this.box = root.querySelector(".stage");
    this.hint = root.querySelector(".hint");
    this.picture = new Picture(this.box);
    this.marks = { image: new Mark(this.box), writing: new Mark(root) };
    this.canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) {
      this.canvas.addEventListener(name, (event) => this.#end(event));
    }
    this.forgetMarked = offerCut(this.box.querySelector("img"), (part) => {
      this.#show(part, this.#whole ?? this.#file);
      cut();
    });
    new ResizeObserver(() => this.#paint()).observe(this.canvas);
  }

  get empty() {
    return !this.#file && !this.#strokes.length;
  }

  get hasImage() {
    return this.#file !== null;
  }

  get undoable() {
    return this.#strokes.length > 0 || this.#whole !== null;
  }

  /** Shows an image in place of the writing. */
  showImage(file) {
    this.#show(file, null);
  }

  #show(file, whole) {
    this.#strokes = [];
    this.#file = file;
    this.#whole = whole;
    this.forgetMarked();
    if (file) this.picture.show(file);
    this.#update();
  }

  /** Takes back the last stroke, or shows the whole image again. */
  undo() {
    this.#strokes.pop();
    if (this.#whole) this.showImage(this.#whole);
    else this.#update();
  }

  clear() {
    this.#show(null, null);
  }

  /** Marks from one share of the width to another; null: nothing. */
  mark(range) {
    this.marks.image.show(this.#file ? range : null);
    this.marks.writing.show(this.#file ? null : range);
  }

  /** What is on the sheet, as a file to send: the image as it was given, or the writing as PNG, dark ink on white. */
  file() {
    if (this.#file) return this.#file;
    const rows = this.#strokes.flat().map(([, y]) => y);
    const top = Math.max(0, Math.min(...rows) - MARGIN);
    const bottom = Math.min(this.canvas.clientHeight, Math.max(...rows) + MARGIN);
    // The whole width is sent, so that a letter's place in the image is its place on the sheet.
    const canvas = element("canvas", { width: SCALE * this.canvas.clientWidth, height: SCALE * (bottom - top) });
    this.#write(canvas, SCALE, top);
    return pngOf(canvas, "drawing.png");
  }

  #update() {
    this.mark(null);
    this.canvas.hidden = Boolean(this.#file);
    this.box.hidden = !this.#file;
    this.hint.hidden = !this.empty;
    this.#paint();
    this.changed();
  }

  #point({ clientX, clientY }) {
    const box = this.canvas.getBoundingClientRect();
    return [clientX - box.left, clientY - box.top];
  }

  #begin(event) {
    if (this.#pointer !== null || event.button !== 0) return;
    this.#pointer = event.pointerId;
    this.canvas.setPointerCapture(event.pointerId);
    this.#strokes.push([this.#point(event)]);
    this.#update();
  }

  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    // A browser gathers what came between two frames: a fast hand needs all of it.
    const gathered = event.getCoalescedEvents?.() ?? [];
    this.#strokes.at(-1).push(...(gathered.length ? gathered : [event]).map((one) => this.#point(one)));
    this.#paint();
  }

  #end(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = null;
    if (event.type === "pointercancel") this.undo();
  }

  #paint() {
    const ratio = window.devicePixelRatio;
    this.canvas.width = Math.round(ratio * this.canvas.clientWidth);
    this.canvas.height = Math.round(ratio * this.canvas.clientHeight);
    this.#write(this.canvas, ratio, 0);
  }

  #write(canvas, scale, top) {
    const context = canvas.getContext("2d");
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.setTransform(scale, 0, 0, scale, 0, -scale * top);
    context.strokeStyle = "#16202e";
    context.lineWidth = PEN;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of this.#strokes) {
      context.beginPath();
      context.moveTo(...stroke[0]);
      // Through the middles between points, so that the line has no corners; a point alone is a dot.
      stroke.slice(1).forEach(([x, y], index) => {
        const [fromX, fromY] = stroke[index];
        context.quadraticCurveTo(fromX, fromY, (fromX + x) / 2, (fromY + y) / 2);
      });
      const [x, y] = stroke.at(-1);
      context.lineTo(x + 0.01, y);
      context.stroke();
    }
  }
}
