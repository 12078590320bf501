/**
 * The page and its settings, from the address: `#/sample?seed=3`. The part behind the hash never reaches the host, so
 * the studio works from any static one, and a link holds everything that it shows.
 */
export const pages = {
  noise: "Noise",
  playground: "Playground",
  train: "Train",
  sample: "Sample",
  inside: "Inside",
} as const;

export type PageName = keyof typeof pages;

function isPage(name: string): name is PageName {
  return Object.hasOwn(pages, name);
}

export type Settings = Readonly<Record<string, string | number | boolean | undefined>>;

class Route {
  page = $state<PageName>("noise");
  /** What the address names that is no page; undefined where all is well. */
  unknown = $state<string | undefined>();
  query = $state.raw(new URLSearchParams());
  /** Grows by each address that somebody goes to; the page begins anew with it. */
  visit = $state(0);
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#read();
    addEventListener("hashchange", () => this.#read());
  }

  #read(): void {
    const [name, search = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
    this.unknown = name === "" || isPage(name) ? undefined : name;
    this.page = isPage(name) ? name : "noise";
    this.query = new URLSearchParams(search);
    this.visit++;
  }

  /**
   * Writes the settings of this page into the address, without a new entry in the history; those that are undefined are
   * left out. A moment later, since browsers refuse hundreds of changes in a drag.
   */
  remember(settings: Settings): void {
    const page = this.page;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (page === this.page) history.replaceState(null, "", link(page, settings));
    }, 300);
  }
}

export const route = new Route();

/** The address of a page with its settings; those that are undefined are left out. */
export function link(page: PageName, settings: Settings = {}): string {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return `#/${page}${query === "" ? "" : `?${query}`}`;
}
