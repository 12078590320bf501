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

class Route {
  page = $state<PageName>("noise");
  /** What the address names that is no page; undefined where all is well. */
  unknown = $state<string | undefined>();
  query = $state.raw(new URLSearchParams());

  constructor() {
    this.#read();
    addEventListener("hashchange", () => this.#read());
  }

  #read(): void {
    const [name, search = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
    this.unknown = name === "" || isPage(name) ? undefined : name;
    this.page = isPage(name) ? name : "noise";
    this.query = new URLSearchParams(search);
  }

  /** Writes settings into the address without a new entry in the history. */
  remember(settings: Record<string, string | number | boolean | undefined>): void {
    history.replaceState(null, "", link(this.page, settings));
  }
}

export const route = new Route();

/** The address of a page with its settings; those that are undefined are left out. */
export function link(page: PageName, settings: Record<string, string | number | boolean | undefined> = {}): string {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return `#/${page}${query === "" ? "" : `?${query}`}`;
}
