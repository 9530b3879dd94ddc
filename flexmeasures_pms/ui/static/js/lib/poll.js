// @ts-check
// Polls a JSON route by its ETag: a reply without new readings has a few bytes.

import { setClock } from "./format.js";
import { t } from "./words.js";

/**
 * The state of the connection: live; paused while the page is hidden; lost while the server can't
 * be reached; refused for good (logged out, or no longer allowed).
 * @typedef {"live" | "paused" | "lost" | "refused"} State
 *
 * @typedef {object} Options
 * @property {number} [every] milliseconds between requests
 * @property {number} [longest] maximum milliseconds between requests, when they fail
 * @property {(state: State) => void} [onState] default: show it in the element #pms-live
 *
 * @typedef {object} Poll
 * @property {() => void} now requests at once
 * @property {() => void} stop requests no more
 * @property {(url: string) => void} move requests another address from now on
 */

const EVERY = 2500;
// Of one page, every ten seconds is little even for a server that has just come back.
export const LONGEST = 10000;

/**
 * Poll a route until it is stopped, and pass new data on.
 * @param {string} url
 * @param {(data: any) => void} onData
 * @param {Options} [options]
 * @returns {Poll}
 */
export function poll(url, onData, options = {}) {
  const { every = EVERY, longest = LONGEST, onState = showState } = options;
  let etag = "";
  let failures = 0;
  let stopped = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {AbortController | undefined} */
  let request;

  /** @param {number} milliseconds */
  function later(milliseconds) {
    clearTimeout(timer);
    if (!stopped && !document.hidden) timer = setTimeout(send, milliseconds);
  }

  async function send() {
    clearTimeout(timer);
    request?.abort();
    const mine = (request = new AbortController());
    const deadline = setTimeout(() => mine.abort("slow"), 30000);
    try {
      const headers = { Accept: "application/json", ...(etag && { "If-None-Match": etag }) };
      const response = await fetch(url, { headers, cache: "no-store", signal: mine.signal });
      if (await take(response, mine)) later(every);
    } catch (error) {
      if (mine === request) failed(0);
    } finally {
      clearTimeout(deadline);
    }
  }

  /**
   * @param {Response} response
   * @param {AbortController} mine
   * @returns {Promise<boolean>} whether to poll on as usual
   */
  async function take(response, mine) {
    if ([401, 403, 404].includes(response.status) || response.redirected) {
      stop();
      onState("refused");
      return false;
    }
    if (!response.ok && response.status !== 304) {
      failed(Number(response.headers.get("Retry-After")) * 1000);
      return false;
    }
    const data = response.status === 304 ? undefined : await response.json();
    if (mine !== request || stopped) return false;
    setClock(response);
    failures = 0;
    onState("live");
    if (data !== undefined) {
      etag = response.headers.get("ETag") || "";
      onData(data);
    }
    return true;
  }

  /** @param {number} wait milliseconds that the server asks to wait, or 0 */
  function failed(wait) {
    failures += 1;
    onState("lost");
    const back = Math.min(longest, every * 2 ** failures) * (0.75 + Math.random() / 2);
    later(Math.max(back, wait || 0));
  }

  function onVisibility() {
    if (document.hidden) {
      clearTimeout(timer);
      onState("paused");
    } else {
      atOnce();
    }
  }

  /** Whatever failed before: there is a link, or somebody looks. */
  function atOnce() {
    failures = 0;
    if (!document.hidden) void send();
  }

  function offline() {
    clearTimeout(timer);
    request?.abort();
    failed(0);
  }

  function stop() {
    stopped = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", onVisibility);
    removeEventListener("online", atOnce);
    removeEventListener("offline", offline);
  }

  document.addEventListener("visibilitychange", onVisibility);
  addEventListener("online", atOnce);
  addEventListener("offline", offline);
  later(every);
  return {
    now: () => void send(),
    stop: () => {
      stop();
      request?.abort();
    },
    move: (address) => {
      url = address;
      etag = "";
      void send();
    },
  };
}

/**
 * Show the state of the connection in the element #pms-live.
 * @param {State} state
 */
export function showState(state) {
  const element = document.getElementById("pms-live");
  if (!element || element.dataset.state === state) return;
  const texts = {
    live: t("Live"),
    paused: t("Paused"),
    lost: t("Connection lost: trying again"),
    refused: t("No longer updated: log in again"),
  };
  element.dataset.state = state;
  element.textContent = texts[state];
}
