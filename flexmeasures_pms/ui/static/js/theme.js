// Follows the dark or light theme of the reader's system; paper is white. A classic script in the head: it must run
// before anything is drawn.
(function () {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    document.documentElement.setAttribute("data-bs-theme", dark.matches ? "dark" : "light");
  };
  apply();
  dark.addEventListener("change", apply);
  addEventListener("beforeprint", () => {
    document.documentElement.setAttribute("data-printing", "");
    document.documentElement.setAttribute("data-bs-theme", "light");
  });
  addEventListener("afterprint", () => {
    document.documentElement.removeAttribute("data-printing");
    apply();
  });
})();
