// Files on their way to the server. `fetch` cannot say how far an upload has come, so this is the older way to ask.
import { body, client, signedOut } from "./client";
import { fromWire, ProblemError } from "./problem";
import type { Attachment, Problem } from "./types";

export const attachmentUrl = (id: string): string => `/api/v1/attachments/${encodeURIComponent(id)}`;

export const removeAttachment = (id: string) => body(client.DELETE("/api/v1/attachments/{attachment}", { params: { path: { attachment: id } } }));

interface Upload {
  file: Blob;
  name: string;
  /** The same file under the same key is taken in once, however often it is tried. */
  key: string;
  onShare: (share: number) => void;
  signal: AbortSignal;
}

export function upload({ file, name, key, onShare, signal }: Upload): Promise<Attachment> {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/api/v1/attachments");
    request.responseType = "json";
    request.setRequestHeader("content-type", "application/octet-stream");
    request.setRequestHeader("attachment-name", encodeURIComponent(name.toWellFormed?.() ?? name));
    request.setRequestHeader("idempotency-key", key);
    request.upload.addEventListener("progress", ({ loaded, total }) => onShare(total ? loaded / total : 0));
    request.addEventListener("load", () => {
      if (request.status === 201) return done(request.response as Attachment);
      const wire = (request.response ?? undefined) as Partial<Problem> | undefined;
      const problem = fromWire(wire, request.status, new Headers({ "retry-after": request.getResponseHeader("retry-after") ?? "" }));
      if (request.status === 401 && problem.kind === "signed_out") signedOut();
      failed(new ProblemError(problem));
    });
    // What `fetch` says when nobody answers.
    request.addEventListener("error", () => failed(new TypeError("unreachable")));
    request.addEventListener("abort", () => failed(new DOMException("", "AbortError")));
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
