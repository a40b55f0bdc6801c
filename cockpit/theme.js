/** Light or dark, as Cockpit is set; and the look of the PatternFly that Cockpit itself has. */

const dark = window.matchMedia("(prefers-color-scheme: dark)");

/** @param {string} [style] auto, dark or light; by default what the person has chosen in the shell */
function follow(style = localStorage.getItem("shell:style") ?? "auto") {
  const isDark = style === "dark" || (style === "auto" && dark.matches);
  document.documentElement.classList.toggle("dark", isDark);
}

/** Whether the shell around this page is one of PatternFly 6 (Cockpit 334 and newer). */
function isRound() {
  try {
    return window.parent.document.querySelector('[class*="pf-v6-"]') !== null;
  } catch {
    return false; // a shell of another origin
  }
}

export function followTheme() {
  document.documentElement.classList.toggle("round", window.parent !== window && isRound());
  follow();
  dark.addEventListener("change", () => follow());
  window.addEventListener("storage", (event) => {
    if (event.key === "shell:style") follow();
  });
  // The shell tells its own window's pages so: there a change of the storage is not heard.
  window.addEventListener("cockpit-style", (event) => {
    if (event instanceof CustomEvent) follow(event.detail.style);
  });
}
