// @ts-check
// The texts of scripts in the page's language: t("Live"), t("{n} packs", {n: 3}).

/** @type {Record<string, string>} */
const words = JSON.parse(document.getElementById("pms-words")?.textContent || "{}");

/** The page's language, such as "en" or "id". */
export const language = document.documentElement.lang || "en";

/**
 * Return a message in the page's language, with its placeholders filled.
 * @param {string} message in English, with placeholders in braces
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(message, values = {}) {
  const text = words[message] || message;
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
