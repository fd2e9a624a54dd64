// Sets the colour scheme before the first paint: the person's own choice, else the system's. Loaded in the head,
// not deferred, so that a dark page never flashes white.
(() => {
  "use strict";
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return localStorage.getItem("gosip-theme");
    } catch {
      return null; // storage is switched off: follow the system
    }
  }

  function apply() {
    const theme = chosen() ?? (system.matches ? "dark" : "light");
    document.documentElement.setAttribute("data-bs-theme", theme);
    document.dispatchEvent(new CustomEvent("gosip:theme", { detail: theme }));
  }

  window.gosipTheme = {
    toggle() {
      const next = document.documentElement.getAttribute("data-bs-theme") === "dark" ? "light" : "dark";
      try {
        // A choice that equals the system's is no choice: the page follows the system again.
        if (next === (system.matches ? "dark" : "light")) localStorage.removeItem("gosip-theme");
        else localStorage.setItem("gosip-theme", next);
      } catch {
        document.documentElement.setAttribute("data-bs-theme", next);
        return;
      }
      apply();
    },
  };
  system.addEventListener("change", apply);
  apply();
})();
