// Words on the screen come from the catalogue, every key that is used exists, and every key that exists is used. The
// keys of a part that is loaded later are used only where that part is imported.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = fileURLToPath(new URL("../src", import.meta.url));
const part = (name) => JSON.parse(readFileSync(join(root, `i18n/${name}.json`), "utf8"));
const names = readdirSync(join(root, "i18n")).flatMap((name) => /^(\w+)\.json$/.exec(name)?.[1] ?? []);
const PARTS = Object.fromEntries(names.filter((name) => name !== "en").map((name) => [name, part(name)]));
const catalogue = Object.assign({}, part("en"), ...Object.values(PARTS));
const ATTRIBUTES = new Set(["aria-label", "title", "alt", "label", "hint", "placeholder", "optional", "confirm", "cancel", "close"]);
/** Words that are the same in every language. */
const ALLOWED = new Set(["sk-ant-…", "ANTHROPIC_API_KEY=sk-ant-… make run", "example.org", "ally doctor"]);
const problems = [];
const used = new Set();

for (const file of readdirSync(root, { recursive: true }).map((name) => join(root, String(name)))) {
  if (!/\.tsx?$/.test(file) || /\.test\.tsx?$|\.d\.ts$/.test(file)) continue;
  const text = readFileSync(file, "utf8");
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true, file.endsWith("x") ? ts.ScriptKind.TSX : ts.ScriptKind.TS);
  const hasPart = (name) => new RegExp(`import "(\\.\\./)+i18n/${name}"`).test(text);
  const report = (node, words) => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart());
    problems.push(`${file}:${line + 1}: "${words}" is not in the catalogue; use t()`);
  };
  const visit = (node) => {
    if (ts.isJsxText(node) && /\p{L}{2}/u.test(node.text) && !ALLOWED.has(node.text.trim())) report(node, node.text.trim());
    if (ts.isJsxAttribute(node) && node.initializer && ts.isStringLiteral(node.initializer) && ATTRIBUTES.has(node.name.getText()) && /\p{L}{2}/u.test(node.initializer.text) && !ALLOWED.has(node.initializer.text)) report(node, node.initializer.text);
    if (ts.isStringLiteral(node) && node.text in catalogue) {
      used.add(node.text);
      for (const name of Object.keys(PARTS)) if (node.text in PARTS[name] && !hasPart(name)) problems.push(`${file}: "${node.text}" is in ${name}.json; import "i18n/${name}" here`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
}
for (const key of Object.keys(catalogue)) if (!used.has(key)) problems.push(`i18n: "${key}" is used nowhere`);
for (const key of Object.keys(catalogue)) if ([part("en"), ...Object.values(PARTS)].filter((one) => key in one).length > 1) problems.push(`i18n: "${key}" is in two parts`);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length ? 1 : 0;
