// How the app is built: hashed files under /assets, compressed beside themselves, and no inline script anywhere.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { parse } from "@formatjs/icu-messageformat-parser";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const backend = process.env.ALLY_BACKEND ?? "http://127.0.0.1:8791";

export default defineConfig({
  base: "/",
  plugins: [catalogue(), react(), tailwindcss(), themeScript(), compressed()],
  build: {
    target: "es2022",
    manifest: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // What changes rarely stays in the browser's cache when the app is updated.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [{ name: "base", test: /node_modules\/(react|react-dom|scheduler|@tanstack|openapi-fetch|clsx)\// }],
        },
      },
    },
    chunkSizeWarningLimit: 600,
  },
  worker: { format: "es" },
  server: {
    port: 8790,
    // The backend must see its own origin, or it refuses what changes anything.
    proxy: { "/api": { target: backend, changeOrigin: true, headers: { origin: backend } }, "/legal": { target: backend, changeOrigin: true } },
  },
  appType: "spa",
  test: { include: ["src/**/*.test.{ts,tsx}"], environment: "node" },
});

/** Turns each message with a placeholder into its parsed form, which `i18n/message.ts` makes words of. */
function catalogue(): Plugin {
  return {
    name: "catalogue",
    enforce: "pre",
    transform(text, file) {
      if (!/\/i18n\/\w+\.json$/.test(file)) return null;
      const messages = Object.entries(JSON.parse(text) as Record<string, string>);
      const parsed = messages.map(([key, message]) => [key, /[{']/.test(message) ? parse(message, { captureLocation: false }) : message]);
      return { code: `export default ${JSON.stringify(Object.fromEntries(parsed))}`, moduleType: "js", map: null };
    },
  };
}

/** The theme is chosen before the first paint by a small blocking file: an inline script would need a hole in the CSP. */
function themeScript(): Plugin {
  const source = readFileSync(new URL("src/app/theme-boot.js", import.meta.url), "utf8");
  const name = `assets/theme-${createHash("sha256").update(source).digest("hex").slice(0, 8)}.js`;
  return {
    name: "theme-script",
    configureServer(server) {
      server.middlewares.use(`/${name}`, (_, answer) => {
        answer.setHeader("content-type", "text/javascript");
        answer.end(source);
      });
    },
    generateBundle() {
      this.emitFile({ type: "asset", fileName: name, source });
    },
    transformIndexHtml: () => [{ tag: "script", attrs: { src: `/${name}` }, injectTo: "head-prepend" }],
  };
}

/** Writes `.br` and `.gz` beside every file that gets smaller, so that the binary compresses nothing while serving. */
function compressed(): Plugin {
  let folder = "";
  return {
    name: "compressed",
    apply: "build",
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    async closeBundle() {
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(js|css|html|svg|json|webmanifest)$/.test(entry.name)) continue;
        const path = join(entry.parentPath, entry.name);
        if (path.includes(".vite")) continue;
        const bytes = await readFile(path);
        const br = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
        const gz = gzipSync(bytes, { level: 9 });
        if (br.length < bytes.length) await writeFile(`${path}.br`, br);
        if (gz.length < bytes.length) await writeFile(`${path}.gz`, gz);
      }
    },
  };
}
