// Which addresses a text may lead to.

export interface SafeLink {
  href: string;
  /** What is really behind the link, for the person to see. */
  host: string;
}

/** http, https and mailto only; everything else stays text. */
export function safeLink(href: string): SafeLink | null {
  let url: URL;
  try {
    url = new URL(href.trim());
  } catch {
    return null;
  }
  if (url.protocol === "mailto:") return { href: url.href, host: decodeURIComponent(safePath(url.pathname)) };
  if (url.protocol !== "https:" && url.protocol !== "http:") return null;
  if (url.username || url.password) return null; // `https://bank.example@evil.example/` is made to deceive.
  return { href: url.href, host: url.host };
}

/** Whether a link's words say already where it leads; otherwise its host is shown behind it. */
export function namesHost(text: string, link: SafeLink): boolean {
  if (link.href.startsWith("mailto:")) return text.trim() === link.host;
  const named = /^\s*(?:https?:\/\/)?((?:[a-z0-9-]+\.)+[a-z]{2,}(?::\d+)?)(?:[/?#]\S*)?\s*$/i.exec(text)?.[1]?.toLowerCase();
  return named !== undefined && (named === link.host || `www.${named}` === link.host);
}

function safePath(path: string): string {
  return /%(?![0-9a-f]{2})/i.test(path) || /%[89a-f]/i.test(path) ? path.replaceAll("%", "%25") : path;
}
