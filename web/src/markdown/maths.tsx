// TeX into MathML, which the browser draws itself. Loaded when the first formula is shown.
import { createElement, type ReactNode } from "react";
import temml from "temml";

/** A part of what the library makes. */
interface Part {
  type?: string;
  text?: string;
  attributes?: Record<string, unknown>;
  style?: Record<string, string | number>;
  children?: Part[];
}

/** All of presentation MathML; no links, no pictures, nothing of HTML. */
const TAGS = new Set([
  "math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "mstyle", "merror", "mpadded", "mphantom",
  "msub", "msup", "msubsup", "munder", "mover", "munderover", "mmultiscripts", "mprescripts", "none", "mtable", "mtr", "mtd", "menclose",
]);
const ATTRIBUTES = new Set([
  "display", "form", "fence", "separator", "stretchy", "symmetric", "largeop", "movablelimits", "accent", "accentunder", "lspace", "rspace", "minsize", "maxsize",
  "linethickness", "displaystyle", "scriptlevel", "mathvariant", "columnalign", "rowspan", "width", "height", "depth", "voffset", "notation",
]);
/** Lengths and words only; a colour would break one of the two themes. */
const STYLES = /^(?:padding|margin|border)(?:Left|Right|Top|Bottom|Inline(?:Start|End)?|Block(?:Start|End)?)?$|^(?:textAlign|fontStyle|fontWeight|textTransform|mathDepth|mathStyle|mathShift)$/;
const SAFE_VALUE = /^[\w\s.%+-]{1,60}$/;

/** Nothing when the text is no TeX: then it is shown as it was written. */
export function formula(tex: string, isDisplay: boolean): ReactNode {
  try {
    const options = { displayMode: isDisplay, throwOnError: true, trust: false, strict: false, maxExpand: 200, maxSize: [20, 200] as [number, number], macros: {} };
    return element(temml.__renderToMathMLTree(tex, options) as Part, 0, 0);
  } catch {
    return null;
  }
}

function element(part: Part, key: number, depth: number): ReactNode {
  if (part.text !== undefined) return part.text;
  if (depth > 200) return null;
  const children = part.children?.map((child, at) => element(child, at, depth + 1)) ?? [];
  if (!part.type || !TAGS.has(part.type)) return children;
  const attributes = Object.entries(part.attributes ?? {}).filter(([name, value]) => ATTRIBUTES.has(name) && isModest(value));
  const style = Object.entries(part.style ?? {}).filter(([name, value]) => STYLES.test(name) && isModest(value));
  return createElement(part.type, { key, ...Object.fromEntries(attributes), ...(style.length ? { style: Object.fromEntries(style) } : {}) }, ...children);
}

/** No length by which a formula could leave its place and cover something else. */
function isModest(value: unknown): boolean {
  const text = String(value);
  return SAFE_VALUE.test(text) && (text.match(/[+-]?\d*\.?\d+/g) ?? []).every((number) => Number(number) >= -1 && Number(number) <= 100);
}
