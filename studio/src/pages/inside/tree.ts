/**
 * The rows of a tree that can be opened and closed, and the keys that walk through it, as in the pattern "treegrid" of the
 * ARIA Authoring Practices.
 */
import type { ModelPart } from "langevin/browser";

export interface TreeRow {
  readonly part: ModelPart;
  /** 1 for the root. */
  readonly level: number;
  /** Place among its siblings, from 1, and how many there are. */
  readonly place: number;
  readonly siblings: number;
  /** Path of the part above; undefined for the root. */
  readonly above?: string;
}

/** The rows that are to be seen when the parts `open` are open. */
export function rowsOf(root: ModelPart, open: ReadonlySet<string>): TreeRow[] {
  const rows: TreeRow[] = [];
  const visit = (part: ModelPart, row: Omit<TreeRow, "part">) => {
    rows.push({ part, ...row });
    if (!open.has(part.path)) return;
    part.parts.forEach((inner, i) => {
      visit(inner, { level: row.level + 1, place: i + 1, siblings: part.parts.length, above: part.path });
    });
  };
  visit(root, { level: 1, place: 1, siblings: 1 });
  return rows;
}

export type Walk = { go: string } | { open: string } | { close: string };

/** What a key does at a row; undefined where it does nothing. */
export function walk(rows: readonly TreeRow[], at: string, key: string, open: ReadonlySet<string>): Walk | undefined {
  const index = rows.findIndex(({ part }) => part.path === at);
  if (index < 0) return undefined;
  const { part, above } = rows[index];
  const isOpen = open.has(at) && part.parts.length > 0;
  const go = (to: number): Walk | undefined => (rows[to] && to !== index ? { go: rows[to].part.path } : undefined);
  switch (key) {
    case "ArrowDown":
      return go(index + 1);
    case "ArrowUp":
      return go(index - 1);
    case "Home":
      return go(0);
    case "End":
      return go(rows.length - 1);
    case "ArrowRight":
      if (part.parts.length === 0) return undefined;
      return isOpen ? go(index + 1) : { open: at };
    case "ArrowLeft":
      if (isOpen) return { close: at };
      return above === undefined ? undefined : { go: above };
    case "Enter":
    case " ":
      if (part.parts.length === 0) return undefined;
      return isOpen ? { close: at } : { open: at };
    default:
      return undefined;
  }
}
