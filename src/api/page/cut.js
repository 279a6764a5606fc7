// Cutting a part out of an image: by dragging over it, or by pointing at two of its corners.

import { element, pngOf } from "./document.js";

const STILL = 8; // pixels of the screen; a pointer that moves less points at a corner, and does not drag

const share = (value, from, length) => Math.min(1, Math.max(0, (value - from) / length));

/**
 * Lets a person mark a part of an image.
 * @param {HTMLImageElement} image stands in an element of its own size
 * @param {(part: File) => void} cut gets the part, as PNG
 * @returns {() => void} forgets what has been marked so far: call it when the element shows another image
 */
export function offerCut(image, cut) {
  const frame = element("div", { className: "cut", hidden: true });
  image.after(frame);
  let corner = null; // the first one, as shares of width and height
  let pressed = null; // where the pointer went down, in pixels of the screen

  function point({ clientX, clientY }) {
    const box = image.getBoundingClientRect();
    return [share(clientX, box.left, box.width), share(clientY, box.top, box.height)];
  }

  /** The marked part: left, top, width and height as shares. */
  const part = ([x, y], [toX, toY]) => [Math.min(x, toX), Math.min(y, toY), Math.abs(toX - x), Math.abs(toY - y)];

  function show(event) {
    const [left, top, width, height] = part(corner, point(event)).map((one) => `${100 * one}%`);
    Object.assign(frame.style, { left, top, width, height });
    frame.hidden = false;
  }

  function stop() {
    corner = pressed = null;
    frame.hidden = true;
  }

  image.addEventListener("pointercancel", stop);
  image.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    event.preventDefault(); // the browser would drag the image away
    image.setPointerCapture(event.pointerId);
    pressed = [event.clientX, event.clientY];
    corner ??= point(event);
    show(event);
  });
  image.addEventListener("pointermove", (event) => corner && show(event));
  image.addEventListener("pointerup", (event) => {
    if (!pressed) return;
    const moved = Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) > STILL;
    const marked = part(corner, point(event));
    const second = marked[2] * image.clientWidth > STILL && marked[3] * image.clientHeight > STILL;
    pressed = null;
    if (second) {
      stop();
      cut(crop(image, marked));
    } else if (moved) stop(); // too flat to be a part
  });
  return stop;
}

function crop(image, [left, top, width, height]) {
  const [x, across] = [left, width].map((one) => Math.round(one * image.naturalWidth));
  const [y, down] = [top, height].map((one) => Math.round(one * image.naturalHeight));
  const canvas = element("canvas", { width: Math.max(1, across), height: Math.max(1, down) });
  canvas.getContext("2d").drawImage(image, -x, -y);
  return pngOf(canvas, "part.png");
}
