// Dark or light as the reader's system has it. A classic script in the head: it must have run
// before anything is drawn.
(function () {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    document.documentElement.setAttribute("data-bs-theme", dark.matches ? "dark" : "light");
  };
  apply();
  dark.addEventListener("change", apply);
})();
