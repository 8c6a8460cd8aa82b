// Fails when the app becomes heavier than agreed. Reads Vite's manifest and the files beside it.
import { readFileSync, statSync } from "node:fs";
import { gzipSync } from "node:zlib";

const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));
const gz = (file) => gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length;

/** A chunk with everything that it imports at once. */
function closure(key, seen = new Set()) {
  if (seen.has(key)) return seen;
  seen.add(key);
  for (const one of manifest[key].imports ?? []) closure(one, seen);
  return seen;
}

const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);
const atStart = closure(entry);
const sum = (keys) => [...keys].reduce((total, key) => total + gz(manifest[key].file), 0);
const beyond = (keys) => new Set([...keys].filter((key) => !atStart.has(key)));
const route = (name) => [...closure(name)];

/** Formulas are drawn by a large part that comes only when there is one; it is on nobody's way to the first paint. */
const limit = (key) => (key.includes("pages/chat") ? 40_000 : key.includes("markdown/maths") ? 65_000 : 35_000);

const rows = [["entry JS", sum(atStart), 125_000]];
const css = new Set(Object.values(manifest).flatMap((chunk) => chunk.css ?? []));
rows.push(["CSS", [...css].reduce((total, file) => total + gz(file), 0), 14_000]);
for (const key of Object.keys(manifest).filter((name) => manifest[name].isDynamicEntry)) {
  rows.push([key.replace(/^src\//, ""), sum(beyond(route(key))), limit(key)]);
}
const html = readFileSync(new URL("index.html", dist), "utf8");
if (/<script(?![^>]*\bsrc=)/.test(html) || /<style|\sstyle=|\son\w+=/.test(html)) {
  console.error("index.html holds something inline: the CSP forbids it.");
  process.exitCode = 1;
}
const fonts = Object.values(manifest).flatMap((chunk) => chunk.assets ?? []).filter((file) => /(hanken|newsreader).*-latin-wght/.test(file));
rows.push(["fonts on first paint", fonts.reduce((total, file) => total + statSync(new URL(file, dist)).size, 0), 100_000]);

for (const [name, size, limit] of rows) {
  const isOver = size > limit;
  if (isOver) process.exitCode = 1;
  console.log(`${isOver ? "OVER " : "ok   "}${name.padEnd(44)}${(size / 1000).toFixed(1).padStart(7)} of ${(limit / 1000).toFixed(0)} kB`);
}
