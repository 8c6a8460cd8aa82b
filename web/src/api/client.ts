// The one HTTP client: same origin, JSON, and every refusal as a ProblemError.
import createClient, { type PathSerializer } from "openapi-fetch";
import { fromWire, ProblemError } from "./problem";
import type { paths, Problem } from "./types";

/** Parameters go into the path encoded, but the slashes of a memory path stay. */
const pathSerializer: PathSerializer = (template, values) =>
  template.replace(/\{\*?(\w+)\}/g, (_, name: string) => String(values[name]).split("/").map(encodeURIComponent).join("/"));

export const client = createClient<paths>({ pathSerializer, credentials: "same-origin" });

/** Called when the session has ended; the app sets it. */
let onSignedOut: () => void = () => {};
export function whenSignedOut(act: () => void): void {
  onSignedOut = act;
}
export function signedOut(): void {
  onSignedOut();
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a good answer; anything else is thrown. */
export async function body<T>(call: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (response.ok) return data as T;
  const problem = fromWire(isWire(error) ? error : undefined, response.status, response.headers);
  if (response.status === 401 && problem.kind === "signed_out") signedOut();
  throw new ProblemError(problem);
}

function isWire(value: unknown): value is Partial<Problem> {
  return typeof value === "object" && value !== null && "title" in value;
}
