/**
 * Parts of a U-Net in plain words: `down_blocks.1.attentions.0` is "Down 2, attention 1".
 */

const parts: Readonly<Record<string, string>> = {
  down_blocks: "Down",
  up_blocks: "Up",
  mid_block: "Middle",
  resnets: "residual block",
  attentions: "attention",
  downsamplers: "half the size",
  upsamplers: "twice the size",
  conv_in: "First convolution",
  conv_out: "Last convolution",
  conv_norm_out: "Last normalisation",
  time_embedding: "Embedding of the time",
  class_embedding: "Embedding of the class",
  conv: "convolution",
  conv1: "first convolution",
  conv2: "second convolution",
  conv_shortcut: "convolution of the shortcut",
  norm1: "first normalisation",
  norm2: "second normalisation",
  group_norm: "normalisation",
  time_emb_proj: "projection of the time",
  to_q: "queries",
  to_k: "keys",
  to_v: "values",
  to_out: "projection of the result",
  linear_1: "first layer",
  linear_2: "second layer",
};

/** Lists of one element, whose number says nothing. */
const alone = new Set(["downsamplers", "upsamplers", "to_out"]);

/** The path of a part in words; names that are not known stand as they are. */
export function nameOf(path: string): string {
  if (path === "") return "The whole network";
  const words: string[] = [];
  const names = path.replace(/\.probabilities$/, "").split(".");
  for (let i = 0; i < names.length; i++) {
    const word = parts[names[i]] ?? names[i];
    const numbered = /^\d+$/.test(names[i + 1] ?? "");
    words.push(numbered && !alone.has(names[i]) ? `${word} ${Number(names[i + 1]) + 1}` : word);
    if (numbered) i++;
  }
  const text = words.join(", ");
  return text[0].toUpperCase() + text.slice(1);
}

/** "32 × 14 × 14". */
export function shapeInWords(shape: readonly number[] | undefined): string {
  return shape ? shape.join(" × ") : "–";
}

/** Places between whole layers, in the order of the network: what blocks, their residual blocks and attentions return. */
const LEVEL =
  /^(conv_in|conv_out|mid_block(\.(resnets|attentions)\.\d+)?|(down|up)_blocks\.\d+(\.(resnets|attentions|downsamplers|upsamplers)\.\d+)?)$/;

/**
 * The maps that are shown level by level. What a block returns is what the last part of it returns, so it is left out where
 * that is there. All maps of a network with other names.
 */
export function levelsOf<P extends { readonly id: string; readonly kind: string }>(places: readonly P[]): P[] {
  const maps = places.filter(({ kind }) => kind === "map");
  const levels = maps.filter(({ id }) => LEVEL.test(id));
  const parts = levels.filter(({ id }) => !levels.some((other) => other.id.startsWith(`${id}.`)));
  return parts.length > 0 ? parts : maps;
}
