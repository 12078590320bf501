/** MathML by little functions, for equations that stand in tables. Their arguments are written here, never typed by a visitor. */

export const i = (name: string) => `<mi>${name}</mi>`;
/** Upright: words and functions. */
export const up = (name: string) => `<mi mathvariant="normal">${name}</mi>`;
export const n = (number: string | number) => `<mn>${number}</mn>`;
export const o = (operator: string) => `<mo>${operator}</mo>`;
export const row = (...parts: string[]) => `<mrow>${parts.join("")}</mrow>`;
export const sub = (base: string, below: string) => `<msub>${base}${below}</msub>`;
export const sup = (base: string, above: string) => `<msup>${base}${above}</msup>`;
export const frac = (over: string, under: string) => `<mfrac>${over}${under}</mfrac>`;
export const sqrt = (...parts: string[]) => `<msqrt>${parts.join("")}</msqrt>`;
export const hat = (base: string) => `<mover>${base}<mo>^</mo></mover>`;
export const bar = (base: string) => `<mover>${base}<mo>¯</mo></mover>`;
export const bracket = (...parts: string[]) => row(o("("), ...parts, o(")"));
export const space = '<mspace width="0.15em"></mspace>';
export const gap = '<mspace width="1.2em"></mspace>';
/** a = b */
export const is = (left: string, ...right: string[]) => row(left, o("="), ...right);

export const alpha = i("α");
export const sigma = i("σ");
export const eps = i("ε");
export const t = i("t");
export const x0 = sub(i("x"), n(0));
export const xt = sub(i("x"), i("t"));
export const squared = (base: string) => sup(base, n(2));
