/**
 * Light or dark: the system's choice until somebody makes another, which this browser then keeps. The colours are
 * custom properties of `ui/theme.css`; who draws on a canvas reads them with `colour()` and depends on `theme.current`.
 */
export type Theme = "light" | "dark";

const KEY = "langevin.theme";
const root = document.documentElement;

class ThemeState {
  current = $state<Theme>(root.dataset.theme === "dark" ? "dark" : "light");

  constructor() {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => {
      if (localStorage.getItem(KEY) === null) this.#show(event.matches ? "dark" : "light");
    });
  }

  /** Shows the other theme, and keeps it for the next visit. */
  toggle(): void {
    this.#show(this.current === "dark" ? "light" : "dark");
    localStorage.setItem(KEY, this.current);
  }

  #show(theme: Theme): void {
    root.dataset.theme = theme;
    this.current = theme;
  }
}

export const theme = new ThemeState();

/** The value of a colour of the theme, such as `colour("accent")`; read inside of an effect it follows the theme. */
export function colour(name: string): string {
  void theme.current;
  return getComputedStyle(root).getPropertyValue(`--${name}`).trim();
}
