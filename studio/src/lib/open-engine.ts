/** A chunk of its own, so that a page fetches of the library what it uses, and the engine's side of it when it opens. */
export { openEngine } from "langevin/browser";
