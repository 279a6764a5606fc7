// Requests to the service that serves this page. Addresses are relative: the service may stand under a path of a proxy.

import { askForKey, currentKey } from "./key.js";

const PLAIN = {
  0: "The service does not answer. Look at the connection, then try again.",
  401: "The service wants a key.",
  403: "Your key does not allow this.",
  404: "The service does not have this.",
  408: "The upload took too long. Try again.",
  413: "The image is too large.",
  415: "This file is no image that the service knows: PNG, JPEG, TIFF, WebP or BMP.",
  422: "The service cannot use this.",
  429: "Too many requests at once. Wait a little, then try again.",
  500: "The service failed. Whoever runs it finds the reason in its log.",
  503: "The service is busy or not ready. Try again in a moment.",
};
const CLEAR = [401, 415, 500]; // where the service's own words add nothing

/** A request that failed; its message is for people. */
export class Problem extends Error {
  constructor(status, detail = "", retryAfter = 0) {
    const plain = PLAIN[status] ?? `The service refused (${status}).`;
    super(detail && !CLEAR.includes(status) ? `${plain} (${detail})` : plain);
    Object.assign(this, { status, detail, retryAfter });
  }

  /** Whether the same request may succeed later. */
  get passing() {
    return [0, 408, 429].includes(this.status) || this.status >= 500;
  }

  static async of(response) {
    const body = await response.json().catch(() => ({})); // a proxy may answer in its own way
    return new Problem(response.status, String(body.detail ?? ""), Number(response.headers.get("Retry-After")) || 0);
  }
}

/**
 * Sends a request, with the key if there is one; asks for a key and sends it again where the service demands one.
 * @returns {Promise<Response>} a successful answer
 * @throws {Problem} for everything else
 */
export async function ask(path, options = {}) {
  for (;;) {
    const key = currentKey();
    let response;
    try {
      response = await fetch(path, { ...options, headers: key ? { "X-API-Key": key } : {} });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem(0);
    }
    if (response.ok) return response;
    const problem = await Problem.of(response);
    if (problem.status !== 401 || !(await askForKey(key))) throw problem;
  }
}

const form = (fields) => {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value) data.append(name, value);
  return data;
};

/** Reads an image: a Prediction. */
export async function predict(file, signal) {
  const response = await ask("predict/", { method: "POST", body: form({ file, alternatives: "4" }), signal });
  return response.json();
}

/**
 * Saves what an image says: a Correction.
 * @param {{prediction_id: string, text: string, author?: string, writer?: string}} fields
 * @param {Blob|Promise<Blob>|undefined} image sent only if the service has forgotten the reading
 */
export async function correct(fields, image) {
  const send = (more) => ask("corrections", { method: "POST", body: form({ ...fields, ...more }) });
  try {
    return (await send({})).json();
  } catch (problem) {
    const file = problem.status === 404 && (await image);
    if (!file) throw problem;
    return (await send({ file })).json();
  }
}

/** The readings that wait for review, least certain first. */
export const queue = async (limit) => (await ask(`review?limit=${limit}`)).json();

/** The image of a reading. */
export const imageOf = async (id) => (await ask(`predictions/${encodeURIComponent(id)}/image`)).blob();

/** Takes a reading off the list, as there is nothing to read in its image. */
export async function dismiss(id) {
  try {
    await ask(`review/${encodeURIComponent(id)}/dismiss`, { method: "POST" });
  } catch (problem) {
    if (problem.status !== 404) throw problem; // it is off the list already
  }
}
