// Files of messages, as far as a browser can tell them from the real ones.
const REFUSED = {
  empty: [422, "attachment_empty", "There is nothing in this file.", "Choose another file."],
  type: [415, "attachment_type", "A model cannot read files of this type.", "Attach a picture (PNG, JPEG, GIF, WebP), a PDF or a text file."],
  large: [413, "attachment_too_large", "This picture is larger than 3.75 MB.", "Make it smaller or save it as JPEG, then attach it again."],
};

/** What the bytes are; the name of a refusal if they are nothing that is taken. */
export function look(bytes) {
  if (bytes.length === 0) return { refused: REFUSED.empty };
  const begins = (text) => bytes.subarray(0, text.length).toString("latin1") === text;
  if (begins("\x89PNG")) return bytes.length > 3_932_160 ? { refused: REFUSED.large } : { media_type: "image/png", width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
  if (begins("\xff\xd8\xff")) return { media_type: "image/jpeg", width: 640, height: 480 };
  if (begins("%PDF-")) return { media_type: "application/pdf", pages: bytes.toString("latin1").split("/Type /Page").length - 1 || undefined };
  return bytes.includes(0) ? { refused: REFUSED.type } : { media_type: "text/plain" };
}

/** The files of a message that is sent, or of a version of one, which keeps those that it had. */
export function along(my, ids, before = []) {
  if (!ids) return before;
  return ids.map((id) => before.find((file) => file.id === id) ?? (my.attachments.get(id)?.isSent ? undefined : my.attachments.get(id)?.shown));
}

/** Takes a file in as it comes; a test can make this fail or take long. */
export async function takeIn(request, my, { home, id, fail, Refusal }) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  await new Promise((resolve) => setTimeout(resolve, home.upload ?? 0));
  if (home.unavailable-- > 0) fail(new Refusal(503, "space_unreachable", "Your private space does not answer right now.", "Try again in a few seconds."));
  home.unavailable = 0;
  const bytes = Buffer.concat(chunks);
  const { refused, ...found } = look(bytes);
  if (refused) fail(new Refusal(...refused));
  const shown = { id: id("att"), name: decodeURIComponent(request.headers["attachment-name"] ?? "file"), size: bytes.length, ...found };
  my.attachments.set(shown.id, { shown, bytes });
  return shown;
}

export function fileBytes(response, my, at, { fail, missing }) {
  const { shown, bytes } = my.attachments.get(at) ?? fail(missing("attachment"));
  const isPicture = shown.media_type.startsWith("image/");
  const headers = { "content-type": isPicture ? shown.media_type : "application/octet-stream", "content-disposition": `${isPicture ? "inline" : "attachment"}; filename*=UTF-8''${encodeURIComponent(shown.name)}`, "cache-control": "private, no-store", "x-content-type-options": "nosniff", "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox" };
  response.writeHead(200, headers).end(bytes);
}
