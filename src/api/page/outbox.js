// What a reviewer decided, on its way to the service: sent in the background, tried again, and kept in this browser
// until it has arrived, so that nothing that was typed is lost.

import { pause } from "./document.js";
import { correct, dismiss } from "./service.js";

const PLACE = "longhand.unsaved.";
const LONGEST_WAIT = 30; // seconds between two attempts

/** Sends a decision: {id, text, author} accepts or corrects; without a text there is nothing to read. */
const send = ({ id, text, author }, image) =>
  text ? correct({ prediction_id: id, text, author }, image) : dismiss(id);

export class Outbox {
  waiting = [];
  refused = []; // [decision, problem]
  trouble = ""; // why the first that waits has not arrived yet
  #images = new Map();
  #sending = false;
  #hurry = () => {};

  /** @param {() => void} changed called when anything above changes */
  constructor(changed) {
    this.changed = changed;
    for (const place of Object.keys(localStorage)) {
      if (place.startsWith(PLACE)) this.waiting.push(JSON.parse(localStorage.getItem(place)));
    }
    addEventListener("beforeunload", (event) => {
      if (this.waiting.length || this.refused.length) event.preventDefault();
    });
  }

  /**
   * @param {{id: string, text: string, author: string}} decision
   * @param {Promise<Blob>} image needed if the service has forgotten it
   */
  add(decision, image) {
    localStorage.setItem(PLACE + decision.id, JSON.stringify(decision));
    this.#images.set(decision.id, image);
    this.waiting.push(decision);
    this.start();
  }

  /** Gives up what the service refused. */
  drop(id) {
    this.refused = this.refused.filter(([decision]) => decision.id !== id);
    this.#forget(id);
    this.changed();
  }

  /** Sends what the service refused once more, and what waits at once. */
  retry() {
    this.waiting.push(...this.refused.map(([decision]) => decision));
    this.refused = [];
    this.#hurry();
    this.start();
  }

  /** Sends what waits, one after the other: a later decision on the same image arrives later. */
  async start() {
    this.changed();
    if (this.#sending) return;
    this.#sending = true;
    let wait = 1;
    while (this.waiting.length) {
      const [decision] = this.waiting;
      try {
        await send(decision, this.#images.get(decision.id));
        this.waiting.shift();
        this.#forget(decision.id);
        this.trouble = "";
        wait = 1;
      } catch (problem) {
        if (problem.passing) {
          this.trouble = problem.message;
          this.changed();
          const called = new Promise((resolve) => (this.#hurry = resolve));
          await Promise.race([called, pause(1000 * Math.max(wait, problem.retryAfter))]);
          wait = Math.min(2 * wait, LONGEST_WAIT);
        } else {
          this.waiting.shift();
          this.refused.push([decision, problem]);
          this.trouble = "";
        }
      }
      this.changed();
    }
    this.#sending = false;
  }

  #forget(id) {
    if (this.waiting.some((later) => later.id === id)) return; // a newer decision is on its way
    localStorage.removeItem(PLACE + id);
    this.#images.delete(id);
  }
}
